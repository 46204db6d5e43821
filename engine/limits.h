#pragma once
// Every bound of the engine, with its arithmetic. What a user may set is in engine/config; these
// are the walls.

#include <cstddef>
#include <cstdint>

#include "protocol/radius/codes.h"

namespace sallyport::limits {

inline constexpr std::size_t kMaxShards = 64;
inline constexpr std::size_t kMaxListenEndpoints = 16;

/// One receive buffer: io_uring_recvmsg_out (16) + sockaddr_in6 (28) + pktinfo control (64) + the
/// longest packet.
inline constexpr std::size_t kReceiveBufferOctets = 4352;
static_assert(kReceiveBufferOctets >= 16 + 28 + 64 + radius::kMaxPacketOctets);
/// The kernel takes at most 33 datagrams of one multishot receive into one harvest; 512 buffers
/// hold any burst of a turn over 15 sockets.
inline constexpr std::size_t kReceiveBuffers = 512;
inline constexpr std::size_t kSubmissionEntries = 1024;
inline constexpr std::size_t kCompletionEntries = 4 * kSubmissionEntries;
static_assert(kCompletionEntries >= 4 * kReceiveBuffers);
/// Datagrams queued between two submissions: a full submission queue. More are submitted early.
inline constexpr std::size_t kSendSlots = kSubmissionEntries;

/// A buffer of the HTTP door's streams: one TLS record.
inline constexpr std::uint16_t kStreamBufferGroup = 1;
inline constexpr std::uint32_t kStreamBufferOctets = 16 * 1024;
/// Lent to the kernel to receive into: a burst of one turn.
inline constexpr std::uint32_t kLentStreamBuffers = 512;
/// How long a busy shard of the HTTP door waits for more to come before it acts: about what one
/// request costs, and no user can tell.
inline constexpr std::uint32_t kHttpPatienceUs = 20;

/// Exchanges of one shard. 20 bits of a ticket name the slot.
inline constexpr std::size_t kMaxExchangesPerShard = std::size_t{1} << 20;
/// Identifiers towards one downstream: 256 a source port.
inline constexpr std::size_t kIdentifiersPerSourcePort = 256;
inline constexpr std::size_t kMaxSourcePortsPerShard = 256;

/// RFC 5080 §2.2.2: the duplicate window is 5 to 30 s.
inline constexpr std::uint64_t kMinDuplicateWindowMs = 5'000;
inline constexpr std::uint64_t kMaxDuplicateWindowMs = 30'000;

}  // namespace sallyport::limits
