#pragma once
// Every bound of the engine, with its arithmetic. What a user may set is in engine/config; these
// are the walls.

#include <cstddef>
#include <cstdint>

#include "protocol/radius/codes.h"

namespace sallyport::limits {

inline constexpr std::size_t kMaxShards = 64;
inline constexpr std::size_t kMaxListenEndpoints = 16;
inline constexpr std::size_t kMaxRadsecEndpoints = 16;
/// Connections of RADIUS over TLS on one shard, those included that linger. A ClientPath names a
/// socket or a connection in 16 bits.
inline constexpr std::size_t kMaxRadsecStreamsPerShard = 65'000;
static_assert(kMaxListenEndpoints + kMaxRadsecStreamsPerShard <= 65'536);

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
/// The same of RADIUS over TLS. A buffer holds several packets; idle connections hold none.
inline constexpr std::uint16_t kRadsecBufferGroup = 2;
inline constexpr std::uint32_t kLentRadsecBuffers = 64;
inline constexpr std::uint32_t kMinRadsecBuffers = 256;
inline constexpr std::uint32_t kMaxRadsecBuffers = 4'096;
/// Packets of clients' connections that go to the door in one call.
inline constexpr std::size_t kRadsecBatch = 1'024;
inline constexpr std::uint32_t kStreamBufferOctets = 16 * 1024;
/// Lent to the kernel to receive into: a burst of one turn.
inline constexpr std::uint32_t kLentStreamBuffers = 512;
/// Of the ring's table of files: as many streams save the kernel the look-up of their descriptors.
/// Eight octets of its memory each.
inline constexpr std::uint32_t kStreamPlaces = 8'192;
/// How long a busy shard of the HTTP door waits for more to come before it acts: about what one
/// request costs, and no user can tell.
inline constexpr std::uint32_t kHttpPatienceUs = 20;

/// A form of the gate: a passkey's attestation is the longest, some 10 KiB.
inline constexpr std::size_t kGateFormOctets = std::size_t{64} * 1024;
inline constexpr std::size_t kGateUserAgentOctets = 256;
/// The session's holds the user: 382, if his id is as long as it may be.
inline constexpr std::size_t kGateCookieOctets = 512;
/// Until a visitor is told that the gate does not answer: longer than it holds a question (25 s),
/// and what the store and a directory may take then.
inline constexpr std::uint64_t kGatePatienceMs = 60'000;

/// Exchanges of one shard. 20 bits of a ticket name the slot.
inline constexpr std::size_t kMaxExchangesPerShard = std::size_t{1} << 20;
/// Identifiers towards one downstream server: 256 a source port.
inline constexpr std::size_t kIdentifiersPerSourcePort = 256;
/// Towards one server.
inline constexpr std::size_t kMaxSourcePortsPerShard = 256;
/// Towards all servers: with 64 ports to each, 256 servers.
inline constexpr std::size_t kMaxDownstreamFiles = 16'384;
/// Their ports for access and for accounting, and as many again: a reload that exchanges them all
/// finds room while old requests end.
inline constexpr std::size_t kMaxDownstreamServers = 128;
inline constexpr std::size_t kMaxDownstreamLinks = 4 * kMaxDownstreamServers;

/// Requests of one shard that wait for a connection to one server over TLS: what a few hundred
/// logins a second bring while a handshake takes.
inline constexpr std::size_t kMaxWaitingRequests = 1'024;
/// Buffers of the connections to servers, of one shard.
inline constexpr std::uint16_t kServerBufferGroup = 3;
inline constexpr std::uint32_t kLentServerBuffers = 32;
inline constexpr std::uint32_t kMaxServerBuffers = 2'048;
/// Octets that a server may leave untaken: all its Identifiers with the longest packets, twice.
inline constexpr std::size_t kMaxUnsentOctets =
    2 * kIdentifiersPerSourcePort * radius::kMaxPacketOctets;
static_assert(kMaxUnsentOctets <= std::size_t{kMaxServerBuffers} * kStreamBufferOctets);
/// Packets of servers' connections that go to the door in one call.
inline constexpr std::size_t kServerBatch = 1'024;

/// Sockets towards the accounting server of the spool: 1024 records under way carry 50,000 a second
/// at 20 ms.
inline constexpr std::uint32_t kSpoolSockets = 4;
/// Records of one shard on their way to the disk: 2,000 of 500 octets, more than a commit lasts.
inline constexpr std::size_t kSpoolRingOctets = std::size_t{1} << 20;

/// CoA-Requests and Disconnect-Requests that are remembered: those that wait for their NAS, and
/// those answered. Some 700 octets each.
inline constexpr std::uint32_t kMaxCoaRequests = 65'536;
/// How long a NAS may take at most.
inline constexpr std::uint32_t kMaxCoaTimeoutMs = 60'000;
/// Sockets towards the NASes, of each family: 1024 requests under way to one NAS.
inline constexpr std::uint16_t kCoaSourcePorts = 4;

/// RFC 5080 §2.2.2: the duplicate window is 5 to 30 s.
inline constexpr std::uint64_t kMinDuplicateWindowMs = 5'000;
inline constexpr std::uint64_t kMaxDuplicateWindowMs = 30'000;

}  // namespace sallyport::limits
