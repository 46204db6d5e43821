// One process takes over from another: what either does with its shards, listeners and memories.

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "engine/limits.h"
#include "engine/radius/server_core.h"
#include "engine/ring/descriptor_copy.h"
#include "engine/ring/streams.h"
#include "engine/ring/udp_socket.h"
#include "protocol/check.h"
#include "verify/clock.h"

namespace sallyport::radius_door {
namespace {

/// Those that the process before us had, or new ones.
std::expected<std::vector<ListenGroup>, std::string> groups_for(
    const config::Radius& config, std::size_t shards, std::optional<Inheritance>& inheritance) {
  if (!inheritance) return open_listeners(config.listen, shards);
  std::vector<ListenGroup> groups;
  for (ListenerCopies& copies : inheritance->listeners) {
    const std::size_t index = groups.size();
    if (index >= config.listen.size() || config.listen[index].text() != copies.name) break;
    if (copies.sockets.size() != shards || inheritance->returns.size() != shards)
      return std::unexpected("engine.shards cannot change when sallyport takes over: restart it");
    groups.push_back({.bound = ring::local_endpoint(copies.sockets.front()),
                      .sockets = std::move(copies.sockets)});
  }
  if (groups.size() == config.listen.size() && groups.size() == inheritance->listeners.size())
    return groups;
  return std::unexpected("radius.listen cannot change when sallyport takes over: restart it");
}

}  // namespace

std::expected<void, std::string> RadiusServer::Impl::open_listening(
    const config::Config& config, std::size_t count, std::optional<Inheritance>& inheritance) {
  if (inheritance && inheritance->returns.size() != count)
    return std::unexpected("radius.shards cannot change when sallyport takes over: restart it");
  auto opened = groups_for(configured, count, inheritance);
  if (!opened) return std::unexpected(std::move(opened.error()));
  groups = std::move(*opened);
  auto tls = inheritance ? inherit_radsec_listeners(config.radsec, count,
                                                    std::move(inheritance->tls_listeners))
                         : open_radsec_listeners(config.radsec, count);
  if (!tls) return std::unexpected(std::move(tls.error()));
  radsec_groups = std::move(*tls);
  return {};
}

Legacy RadiusServer::Impl::step_back(std::vector<ring::FileDescriptor> returns) {
  CHECK(returns.size() == shards.size());
  const std::uint32_t exchanges =
      share_of(configured.max_exchanges, shards.size(), limits::kMaxExchangesPerShard);
  const std::scoped_lock lock(changing);
  if (spool) spool->leave();
  const auto first = successions.size();
  for (ring::FileDescriptor& socket : returns) {
    Succession& succession = successions.emplace_back();
    succession.returns = std::move(socket);
    succession.remembered.reserve(exchanges);
  }
  Legacy legacy;
  if (coa) legacy.coa = coa->step_back();
  auto own = std::next(successions.begin(), static_cast<std::ptrdiff_t>(first));
  for (std::size_t index = 0; index < shards.size(); ++index)
    post_surely(*shards[index], StepBack{&*std::next(own, static_cast<std::ptrdiff_t>(index))});
  for (; own != successions.end(); ++own) {
    own->listed.acquire();
    legacy.requests.insert(legacy.requests.end(), own->remembered.begin(), own->remembered.end());
  }
  if (spool) spool->close();
  legacy.clients = learned_clients.words();
  legacy.downstreams = learned_downstreams.words();
  return legacy;
}

void RadiusServer::respect(const Legacy& legacy) {
  impl_->learned_clients.take(legacy.clients);
  impl_->learned_downstreams.take(legacy.downstreams);
  const auto remembered = std::make_shared<const RememberedRequests>(legacy.requests);
  for (const auto& shard : impl_->shards) shard->respect(remembered);
  if (impl_->coa) impl_->coa->respect(legacy.coa);
}

std::expected<std::vector<ListenerCopies>, std::string> RadiusServer::listeners() const {
  std::vector<ListenerCopies> all;
  for (std::size_t index = 0; index < impl_->groups.size(); ++index) {
    auto copies = copies_of(impl_->groups[index].sockets);
    if (!copies) return std::unexpected(ring::kNoDescriptorLeft);
    all.push_back({.name = impl_->configured.listen[index].text(), .sockets = std::move(*copies)});
  }
  return all;
}

std::expected<std::vector<ListenerCopies>, std::string> RadiusServer::tls_listeners() const {
  std::vector<ListenerCopies> all;
  for (const RadsecGroup& group : impl_->radsec_groups) {
    auto copies = copies_of(group.sockets);
    if (!copies) return std::unexpected(ring::kNoDescriptorLeft);
    all.push_back({.name = group.name, .sockets = std::move(*copies)});
  }
  return all;
}

Legacy RadiusServer::step_back(std::vector<ring::FileDescriptor> returns) {
  return impl_->step_back(std::move(returns));
}
void RadiusServer::step_forth() {
  for (const auto& shard : impl_->shards) post_surely(*shard, StepForth{});
  if (impl_->coa) impl_->coa->step_forth();
  if (impl_->spool) impl_->spool->come_back();
}
std::expected<std::vector<ListenerCopies>, std::string> RadiusServer::coa_listeners() const {
  const std::scoped_lock lock(impl_->changing);
  if (!impl_->coa) return std::vector<ListenerCopies>{};
  return impl_->coa->copies();
}

void RadiusServer::retire(std::chrono::milliseconds most) {
  impl_->watcher.stop();  // it sends the shards messages
  if (!impl_->radsec_groups.empty())
    most = std::max(most, std::chrono::milliseconds(Parting::kYoungMs + Parting::kSearchMs));
  const auto deadline = std::chrono::steady_clock::now() + most;
  const std::uint64_t until_ms = verify::monotonic_ms() + static_cast<std::uint64_t>(most.count());
  for (const auto& shard : impl_->shards) post_surely(*shard, Retire{.until_ms = until_ms});
  if (impl_->coa) impl_->coa->drain(std::chrono::steady_clock::now());
  // Connections that nobody reads any more still get what they are owed, and their ends.
  const auto last = deadline + std::chrono::milliseconds(Parting::kLastMs) +
                    std::chrono::milliseconds(ring::StreamsPlan{}.linger_ms);
  for (const auto& shard : impl_->shards) static_cast<void>(shard->wait_drained(last));
  if (impl_->coa) impl_->coa->drain(deadline);
}

}  // namespace sallyport::radius_door
