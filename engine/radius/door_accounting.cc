#include "engine/radius/door_core.h"
#include "protocol/check.h"
#include "protocol/radius/translate.h"

namespace sallyport::radius_door {

// RFC 2866 §2: acknowledged when the record is stored, and never before.
void Door::Core::store(Now now, const ArrivedRequest& arrived) noexcept {
  std::optional<std::uint32_t> slot = exchanges.next_free();
  if (!slot) slot = exchanges.oldest_answered();
  if (!slot) return drop(Drop::no_free_exchange);
  make_free(*slot);
  begin(now, *slot, arrived, ExchangeState::awaiting_storage);
  const Octets packet = arrived.packet.octets();
  const PacketStore::Handle block = packets.take(packet.size());
  copy_octets(packet, packets.block(block));
  keep(exchanges[*slot], block, 0, packet.size());
  if (!outbox.store({.ticket = exchanges.ticket(*slot),
                     .client = arrived.path->source.address,
                     .packet = packet})) {
    drop(Drop::spool_busy);
    return end(*slot);  // the client will ask again
  }
  timers.schedule(*slot, reply_deadline_ms(exchanges[*slot]));
}

void Door::Core::stored(Now now, const StorageAnswer& answer) noexcept {
  const std::optional<std::uint32_t> slot = exchanges.find(answer.ticket);
  if (!slot || exchanges[*slot].state != ExchangeState::awaiting_storage) return;
  if (!answer.stored) return give_up_on_storage(now, *slot);
  Exchange& exchange = exchanges[*slot];
  const auto request = radius::PacketView::parse(stored_packet(exchange));
  CHECK(request.has_value());
  const std::size_t states = radius::copy_proxy_states(*request, false, proxy_states);
  const std::size_t octets =
      radius::write_local_reply({.code = radius::Code::accounting_response,
                                 .client = exchange.client->key,
                                 .client_identifier = exchange.key.identifier,
                                 .client_authenticator = exchange.client_authenticator,
                                 .client_proxy_states = Octets(proxy_states).first(states),
                                 .reply_message = {},
                                 .eap_failure_identifier = std::nullopt},
                                MutableOctets(scratch).first(radius::kMaxPacketOctets));
  static_cast<void>(record(now, *slot, Outcome::spooled, DownstreamSaid::nothing));
  const PacketStore::Handle block = packets.take(octets);
  copy_octets(Octets(scratch).first(octets), packets.block(block));
  keep(exchange, block, 0, octets);
  answer_stored(now, *slot);
}

/// Silence: the record stays with the client, who sends it again.
void Door::Core::give_up_on_storage(Now now, std::uint32_t slot) noexcept {
  drop(Drop::not_stored);
  static_cast<void>(record(now, slot, Outcome::not_spooled, DownstreamSaid::nothing));
  end(slot);
}

}  // namespace sallyport::radius_door
