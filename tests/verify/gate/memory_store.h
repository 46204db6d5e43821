#pragma once
// A store in memory whose calls can be made to fail: the n-th from now, before or after it has done
// what it was asked. Any thread.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "verify/store/store.h"

namespace sallyport::verify {

class MemoryStore final : public Store {
 public:
  enum class Failure : std::uint8_t { before, after };

  explicit MemoryStore(std::function<std::uint64_t()> now_ms) : now_ms_(std::move(now_ms)) {}

  /// The n-th call from now on fails, 1 being the next; 0: none.
  void fail_at(std::uint64_t n, Failure how) {
    const std::scoped_lock lock(mutex_);
    fail_at_ = n == 0 ? 0 : calls_ + n;
    how_ = how;
  }
  void be_away(bool away) {
    const std::scoped_lock lock(mutex_);
    away_ = away;
  }
  /// Called once, in the n-th call from now on before it does anything: the turn of another thread,
  /// or of another node.
  void interrupt_at(std::uint64_t n, std::function<void()> by) {
    const std::scoped_lock lock(mutex_);
    interrupt_ = std::move(by);
    interrupt_at_ = n;
  }
  /// Whether it has not been called yet; it is not any more.
  bool forget_interrupt() {
    const std::scoped_lock lock(mutex_);
    return interrupt_at_ != 0 && std::exchange(interrupt_, nullptr) != nullptr;
  }
  [[nodiscard]] std::uint64_t calls() const {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  [[nodiscard]] std::map<std::tuple<RecordKind, std::string, std::string>, Record> all() const {
    const std::scoped_lock lock(mutex_);
    return records_;
  }

  StoreResult<std::optional<Record>> get(const RecordKey& key) override {
    return run<std::optional<Record>>([&]() -> std::optional<Record> {
      const Record* found = find(key);
      if (found == nullptr) return std::nullopt;
      return *found;
    });
  }
  StoreResult<std::uint64_t> put(const RecordKey& key, std::string_view value,
                                 std::uint64_t until_ms) override {
    return run<std::uint64_t>([&] { return set(key, value, until_ms); });
  }
  StoreResult<bool> add(const RecordKey& key, std::string_view value,
                        std::uint64_t until_ms) override {
    return run<bool>([&] {
      if (find(key) != nullptr) return false;
      set(key, value, until_ms);
      return true;
    });
  }
  StoreResult<bool> replace(const RecordKey& key, std::uint64_t version, std::string_view value,
                            std::uint64_t until_ms) override {
    return run<bool>([&] {
      const Record* found = find(key);
      if (found == nullptr || found->version != version) return false;
      set(key, value, until_ms);
      return true;
    });
  }
  StoreResult<std::optional<Record>> take(const RecordKey& key) override {
    return run<std::optional<Record>>([&]() -> std::optional<Record> {
      const Record* found = find(key);
      if (found == nullptr) return std::nullopt;
      Record taken = *found;
      records_.erase(name_of(key));
      return taken;
    });
  }
  StoreResult<bool> remove(const RecordKey& key) override {
    return run<bool>([&] {
      if (find(key) == nullptr) return false;
      records_.erase(name_of(key));
      return true;
    });
  }
  StoreResult<std::vector<ListedRecord>> list(RecordKind kind, std::string_view group) override {
    return run<std::vector<ListedRecord>>([&] {
      std::vector<ListedRecord> listed;
      for (const auto& [name, record] : records_) {
        if (std::get<0>(name) != kind || std::get<1>(name) != group || is_over(record)) continue;
        listed.push_back({.id = std::get<2>(name), .record = record});
      }
      return listed;
    });
  }
  StoreResult<std::uint64_t> next_number(std::string_view) override {
    return run<std::uint64_t>([&] { return ++number_; });
  }
  void watch(std::vector<RecordKind>, StoreWatcher) override {}
  StoreHealth health() const override { return {}; }

 private:
  using Name = std::tuple<RecordKind, std::string, std::string>;
  static Name name_of(const RecordKey& key) { return {key.kind, key.group, key.id}; }

  template <class T, class F>
  StoreResult<T> run(F body) {
    std::function<void()> interrupt;
    {
      const std::scoped_lock lock(mutex_);
      if (interrupt_at_ > 0 && --interrupt_at_ == 0) std::swap(interrupt, interrupt_);
    }
    if (interrupt) interrupt();
    const std::scoped_lock lock(mutex_);
    const bool fails = away_ || ++calls_ == fail_at_;
    if (fails && (away_ || how_ == Failure::before)) {
      return std::unexpected(StoreError::unavailable);
    }
    T result = body();
    if (fails) return std::unexpected(StoreError::unavailable);
    return result;
  }
  [[nodiscard]] bool is_over(const Record& record) const {
    return record.until_ms != 0 && record.until_ms <= now_ms_();
  }
  const Record* find(const RecordKey& key) {
    const auto found = records_.find(name_of(key));
    return found == records_.end() || is_over(found->second) ? nullptr : &found->second;
  }
  std::uint64_t set(const RecordKey& key, std::string_view value, std::uint64_t until_ms) {
    records_[name_of(key)] = {
        .value = std::string(value), .until_ms = until_ms, .version = ++version_};
    return version_;
  }

  const std::function<std::uint64_t()> now_ms_;
  mutable std::mutex mutex_;
  std::map<Name, Record> records_;
  std::function<void()> interrupt_;
  std::uint64_t interrupt_at_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
  Failure how_ = Failure::before;
  bool away_ = false;
};

}  // namespace sallyport::verify
