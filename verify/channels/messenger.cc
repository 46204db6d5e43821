#include "verify/channels/messenger.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>

#include "verify/channels/channel.h"
#include "verify/channels/message_texts.h"
#include "verify/clock.h"
#include "verify/file_descriptor.h"
#include "verify/thread.h"

namespace sallyport::verify {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, kMessageKinds> kNames = {"token", "link", "registration",
                                                                "changed"};
constexpr std::chrono::milliseconds kMostPause{60'000};

std::string_view name_of(MessageKind kind) noexcept {
  return kNames[static_cast<std::size_t>(kind)];
}

/// A message on its way: which channel is next, and how often it has been tried.
struct Item {
  Message message;
  std::size_t channel = 0;
  std::uint32_t attempts = 0;
};

struct NamedChannel {
  ChannelSettings settings;
  std::unique_ptr<Channel> channel;
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<std::uint64_t> dropped = 0;

  [[nodiscard]] bool carries(MessageKind kind) const noexcept {
    return settings.carries.empty() ||
           std::ranges::find(settings.carries, kind) != settings.carries.end();
  }
};

}  // namespace

struct Messenger::Impl {
  Impl(const MessengerSettings& all, MessageTexts rendered)
      : settings(all), texts(std::move(rendered)), stop_event(::eventfd(0, EFD_CLOEXEC)) {}

  void work();
  void deliver(Item item);
  void retry(Item item, const NamedChannel& channel);
  void next_channel(Item item, const std::string& why);
  void put(Clock::time_point due, Item item);
  [[nodiscard]] std::size_t first_channel(MessageKind kind, std::size_t from) const noexcept;

  const MessengerSettings settings;
  const MessageTexts texts;
  std::vector<std::unique_ptr<NamedChannel>> channels;
  FileDescriptor stop_event;  ///< readable once `stopping`

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::multimap<Clock::time_point, Item> waiting;  ///< by when they are due
  std::size_t under_way = 0;
  bool stopping = false;
  std::vector<std::thread> threads;
};

std::size_t Messenger::Impl::first_channel(MessageKind kind, std::size_t from) const noexcept {
  while (from < channels.size() && !channels[from]->carries(kind)) ++from;
  return from;
}

void Messenger::Impl::put(Clock::time_point due, Item item) {
  {
    const std::scoped_lock lock(mutex);
    waiting.emplace(due, std::move(item));
  }
  changed.notify_one();
}

void Messenger::Impl::work() {
  begin_thread("messages");
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (waiting.empty()) {
      changed.wait(lock);
      continue;
    }
    if (const auto due = waiting.begin()->first; due > Clock::now()) {
      changed.wait_until(lock, due);
      continue;
    }
    Item item = std::move(waiting.extract(waiting.begin()).mapped());
    ++under_way;
    lock.unlock();
    deliver(std::move(item));
    lock.lock();
    --under_way;
  }
}

void Messenger::Impl::deliver(Item item) {
  NamedChannel& channel = *channels[item.channel];
  const std::string_view what = name_of(item.message.kind);
  if (item.message.until_ms != 0 && unix_ms() >= item.message.until_ms) {
    channel.dropped.fetch_add(1, std::memory_order_relaxed);
    spdlog::warn("messages: {} for \"{}\" is over before it was sent", what, item.message.to.id);
    if (item.message.given_up) item.message.given_up();
    return;
  }
  ++item.attempts;
  const auto sent =
      channel.channel->send(item.message, texts.render(item.message), stop_event.get());
  if (sent) {
    channel.sent.fetch_add(1, std::memory_order_relaxed);
    spdlog::info("messages: {} for \"{}\" sent by {}", what, item.message.to.id,
                 channel.settings.name);
    return;
  }
  channel.failed.fetch_add(1, std::memory_order_relaxed);
  spdlog::warn("messages: {} for \"{}\" not sent by {}: {}", what, item.message.to.id,
               channel.settings.name, sent.error().text);
  if (!sent.error().lasting && item.attempts < channel.settings.attempts) {
    return retry(std::move(item), channel);
  }
  next_channel(std::move(item), sent.error().text);
}

void Messenger::Impl::retry(Item item, const NamedChannel& channel) {
  const auto first = std::chrono::milliseconds(channel.settings.retry_ms);
  const auto pause = std::min(first * (1U << std::min(item.attempts - 1, 16U)), kMostPause);
  put(Clock::now() + pause, std::move(item));
}

void Messenger::Impl::next_channel(Item item, const std::string& why) {
  NamedChannel& last = *channels[item.channel];
  item.channel = first_channel(item.message.kind, item.channel + 1);
  item.attempts = 0;
  if (item.channel < channels.size()) return put(Clock::now(), std::move(item));
  last.dropped.fetch_add(1, std::memory_order_relaxed);
  spdlog::error("messages: {} for \"{}\" is given up: {}", name_of(item.message.kind),
                item.message.to.id, why);
  if (item.message.given_up) item.message.given_up();
}

Messenger::Messenger(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<Messenger>, std::string> Messenger::make(MessengerSettings settings) {
  auto texts = MessageTexts::make(settings);
  if (!texts) return std::unexpected("messages: " + texts.error());
  auto impl = std::make_unique<Impl>(settings, std::move(*texts));
  if (!impl->stop_event.valid()) return std::unexpected("messages: cannot create an eventfd");
  for (const ChannelSettings& channel : settings.channels) {
    auto made = make_channel(channel, settings.issuer);
    if (!made) {
      return std::unexpected(fmt::format("the channel {}: {}", channel.name, made.error()));
    }
    auto named = std::make_unique<NamedChannel>();
    named->settings = channel;
    named->channel = std::move(*made);
    impl->channels.push_back(std::move(named));
  }
  return std::unique_ptr<Messenger>(new Messenger(std::move(impl)));
}

Messenger::~Messenger() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopping = true;
  }
  static_cast<void>(::eventfd_write(impl_->stop_event.get(), 1));
  impl_->changed.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
  if (!impl_->waiting.empty()) {
    spdlog::warn("messages: {} are given up: sallyport stops", impl_->waiting.size());
  }
}

void Messenger::start() {
  for (std::uint32_t i = 0; i < impl_->settings.threads; ++i) {
    impl_->threads.emplace_back([this] { impl_->work(); });
  }
}

bool Messenger::post(Message message) {
  Item item{.message = std::move(message), .channel = 0, .attempts = 0};
  item.channel = impl_->first_channel(item.message.kind, 0);
  if (item.channel == impl_->channels.size()) return false;
  {
    const std::scoped_lock lock(impl_->mutex);
    if (impl_->waiting.size() + impl_->under_way >= impl_->settings.queue) return false;
    impl_->waiting.emplace(Clock::now(), std::move(item));
  }
  impl_->changed.notify_one();
  return true;
}

bool Messenger::reaches(MessageKind kind, const User& user) const {
  return std::ranges::any_of(impl_->channels, [&](const auto& channel) {
    return channel->carries(kind) && channel->channel->reaches(user);
  });
}

std::vector<ChannelCounts> Messenger::counts() const {
  std::vector<ChannelCounts> all;
  for (const auto& channel : impl_->channels) {
    all.push_back({.name = channel->settings.name,
                   .sent = channel->sent.load(std::memory_order_relaxed),
                   .failed = channel->failed.load(std::memory_order_relaxed),
                   .dropped = channel->dropped.load(std::memory_order_relaxed)});
  }
  return all;
}

std::size_t Messenger::queued() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->waiting.size() + impl_->under_way;
}

}  // namespace sallyport::verify
