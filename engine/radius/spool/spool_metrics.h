#pragma once
// What the spool counts. Written by its thread only, read by the admin thread.

#include "verify/metrics.h"

namespace sallyport::radius_door {

struct SpoolMetrics {
  verify::Counter stored;         ///< records that the disk has, and that were acknowledged
  verify::Counter known;          ///< the same record again, acknowledged and not stored twice
  verify::Counter refused_full;   ///< not acknowledged: no room
  verify::Counter refused;        ///< not acknowledged: the disk failed, or it is too long to go on
  verify::Counter delivered;      ///< acknowledged by the accounting server
  verify::Counter sent;           ///< to the accounting server, for the first time in a round
  verify::Counter retransmitted;  ///< the same octets again
  verify::Counter rounds_ended;   ///< not acknowledged at all: sent under a new Identifier
  verify::Counter bad_replies;    ///< not authentic, or for no record under way
  verify::Counter unreadable;     ///< records that the database does not give back
  verify::Counter waiting;        ///< gauge: stored and not delivered
  verify::Counter under_way;      ///< gauge: of these, sent
  verify::Counter oldest_s;       ///< gauge: how long the oldest has waited
  verify::Counter full;           ///< gauge, 0 or 1: new records are not acknowledged
  verify::Counter silent;         ///< gauge, 0 or 1: the accounting server does not answer
};

}  // namespace sallyport::radius_door
