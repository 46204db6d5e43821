#pragma once
// A store in memory that several grant books may share as nodes do, and that can be away, be late
// with its news, or let another be faster.

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "verify/store/store.h"

namespace sallyport::http_door {

class FakeStore final : public verify::Store {
 public:
  void set_away(bool away) {
    const std::scoped_lock lock(mutex_);
    away_ = away;
  }
  /// It has lost its data, tells nobody, and counts anew.
  void lose() {
    const std::scoped_lock lock(mutex_);
    records_.clear();
    numbers_ = 0;
  }
  /// News wait until tell().
  void set_late(bool late) {
    const std::scoped_lock lock(mutex_);
    late_ = late;
  }
  void tell() {
    std::unique_lock lock(mutex_);
    const auto news = std::exchange(news_, {});
    lock.unlock();
    for (const verify::RecordChange& change : news) tell_all(change);
  }
  void forget_news() {
    const std::scoped_lock lock(mutex_);
    news_.clear();
  }
  /// Those who watched are no more.
  void watch_nobody() {
    const std::scoped_lock lock(mutex_);
    watchers_.clear();
  }
  /// Calls that found it away.
  [[nodiscard]] std::size_t refused() {
    const std::scoped_lock lock(mutex_);
    return refused_;
  }
  /// Runs once, before the next change is made.
  void before_next_change(std::function<void()> act) {
    const std::scoped_lock lock(mutex_);
    before_ = std::move(act);
  }
  [[nodiscard]] std::size_t size() {
    const std::scoped_lock lock(mutex_);
    return records_.size();
  }
  [[nodiscard]] std::size_t changes() {
    const std::scoped_lock lock(mutex_);
    return versions_;
  }

  verify::StoreResult<std::optional<verify::Record>> get(const verify::RecordKey& key) override {
    const std::scoped_lock lock(mutex_);
    if (away_) return refuse();
    const auto found = records_.find(name(key));
    if (found == records_.end()) return std::nullopt;
    return found->second;
  }
  verify::StoreResult<std::uint64_t> put(const verify::RecordKey& key, std::string_view value,
                                         std::uint64_t until_ms) override {
    step_aside();
    std::unique_lock lock(mutex_);
    if (away_) return refuse();
    return write(lock, key, value, until_ms);
  }
  verify::StoreResult<bool> add(const verify::RecordKey&, std::string_view,
                                std::uint64_t) override {
    return std::unexpected(verify::StoreError::broken);  // the book does not use it
  }
  verify::StoreResult<bool> replace(const verify::RecordKey& key, std::uint64_t version,
                                    std::string_view value, std::uint64_t until_ms) override {
    step_aside();
    std::unique_lock lock(mutex_);
    if (away_) return refuse();
    const auto found = records_.find(name(key));
    if (found == records_.end() || found->second.version != version) return false;
    write(lock, key, value, until_ms);
    return true;
  }
  verify::StoreResult<std::optional<verify::Record>> take(const verify::RecordKey&) override {
    return std::unexpected(verify::StoreError::broken);  // the book does not use it
  }
  verify::StoreResult<bool> remove(const verify::RecordKey& key) override {
    step_aside();
    std::unique_lock lock(mutex_);
    if (away_) return refuse();
    if (records_.erase(name(key)) == 0) return false;
    news(lock, {.key = key, .record = std::nullopt});
    return true;
  }
  verify::StoreResult<std::vector<verify::ListedRecord>> list(verify::RecordKind kind,
                                                              std::string_view group) override {
    const std::scoped_lock lock(mutex_);
    if (away_) return refuse();
    std::vector<verify::ListedRecord> listed;
    for (const auto& [key, record] : records_) {
      if (std::get<0>(key) == kind && std::get<1>(key) == group) {
        listed.push_back({.id = std::get<2>(key), .record = record});
      }
    }
    return listed;
  }
  verify::StoreResult<std::uint64_t> next_number(std::string_view) override {
    const std::scoped_lock lock(mutex_);
    if (away_) return refuse();
    return ++numbers_;
  }
  /// Here as often as there are nodes.
  void watch(std::vector<verify::RecordKind>, verify::StoreWatcher watcher) override {
    const std::scoped_lock lock(mutex_);
    watchers_.push_back(std::move(watcher));
  }
  verify::StoreHealth health() const override { return {}; }

 private:
  using Name = std::tuple<verify::RecordKind, std::string, std::string>;
  static Name name(const verify::RecordKey& key) { return {key.kind, key.group, key.id}; }

  std::unexpected<verify::StoreError> refuse() {
    ++refused_;
    return std::unexpected(verify::StoreError::unavailable);
  }
  void step_aside() {
    std::unique_lock lock(mutex_);
    const auto act = std::exchange(before_, nullptr);
    lock.unlock();
    if (act) act();
  }
  std::uint64_t write(std::unique_lock<std::mutex>& lock, const verify::RecordKey& key,
                      std::string_view value, std::uint64_t until_ms) {
    const std::uint64_t version = ++versions_;
    verify::Record record{.value = std::string(value), .until_ms = until_ms, .version = version};
    records_[name(key)] = record;
    news(lock, {.key = key, .record = std::move(record)});
    return version;
  }
  void news(std::unique_lock<std::mutex>& lock, verify::RecordChange change) {
    if (late_) return news_.push_back(std::move(change));
    lock.unlock();
    tell_all(change);
  }
  void tell_all(const verify::RecordChange& change) {
    for (const verify::StoreWatcher& watcher : watchers_) watcher.changed(change);
  }

  std::mutex mutex_;
  std::map<Name, verify::Record> records_;
  std::vector<verify::StoreWatcher> watchers_;
  std::deque<verify::RecordChange> news_;
  std::function<void()> before_;
  std::uint64_t versions_ = 0;
  std::uint64_t numbers_ = 0;
  std::size_t refused_ = 0;
  bool away_ = false;
  bool late_ = false;
};

}  // namespace sallyport::http_door
