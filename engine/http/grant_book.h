#pragma once
// Who keeps the grants: each change is in the store first, and then published to the shards. It
// follows what other nodes change there, extends grants that slide, ends those whose time is up,
// tells the audit log of all, and has the shards look again at open streams.
//
// Two threads. One never waits for the store: it applies changes and ends grants on time. The other
// does what waits: it lists the grants after a time out of touch, and extends those that slide.
// While the store is away, what is open stays open until its time.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/http/audit_event.h"
#include "engine/http/grant_slides.h"
#include "engine/http/grants.h"
#include "verify/gate/grant_keeper.h"
#include "verify/store/store.h"

namespace sallyport::http_door {

/// What the book works with. All outlive it.
struct GrantBookWorld {
  verify::Store* store = nullptr;  ///< none: grants end with the process
  AuditEvents* audit = nullptr;    ///< never null
  std::function<void()> recheck;   ///< has the shards look again; any thread
  std::function<std::uint64_t()> now_ms;
};

class GrantBook final : public verify::GrantKeeper {
 public:
  /// `ipv6_prefix` and `seed`: as of Grants.
  GrantBook(std::uint8_t ipv6_prefix, std::uint64_t seed, GrantBookWorld world);
  ~GrantBook() override;  ///< stopped, and no reader holds a snapshot any more

  /// Lists the grants of the store once, and starts the threads. A store that does not answer is
  /// asked again later.
  void start();
  void stop();

  /// For the store's watcher: a grant was written. Does not wait.
  void changed(const verify::RecordChange& change);
  /// For the store's watcher: changes may have been missed.
  void resync();

  [[nodiscard]] GrantPublication& publication() noexcept { return grants_.publication(); }
  [[nodiscard]] SlideQueue& slides() noexcept { return slides_; }
  [[nodiscard]] std::size_t size() const;
  void regroup(std::uint8_t ipv6_prefix);

  // GrantKeeper, for the gate. Any thread but a shard's.
  std::expected<Grant, verify::GrantFailure> open(const Grant& grant) override;
  std::expected<void, verify::GrantFailure> end(std::uint64_t id, std::string_view why) override;
  std::expected<std::uint32_t, verify::GrantFailure> end_session(std::string_view session,
                                                                 std::string_view why) override;
  [[nodiscard]] std::vector<Grant> of_user(std::string_view user) const override;

  // The same for operators, who are named in the audit log.
  std::expected<Grant, verify::GrantFailure> open_by(const Grant& grant, std::string_view who);
  /// Ends these, as far as the store goes along; how many have ended.
  std::expected<std::uint32_t, verify::GrantFailure> end_these(
      const std::vector<GrantPointer>& grants, std::string_view who);
  [[nodiscard]] GrantPointer find(std::uint64_t id) const;
  [[nodiscard]] std::vector<GrantPointer> list() const;
  [[nodiscard]] std::vector<GrantPointer> list_user(std::string_view user) const;
  [[nodiscard]] std::vector<GrantPointer> list_address(const IpAddress& address) const;

 private:
  /// What of the store's record is in grants_.
  struct Known {
    std::uint64_t version = 0;  ///< 0: we have written it, and do not know which came of it
    std::uint64_t stamp = 0;    ///< counts what was applied, to tell what is older
    /// The watcher has not told of this version yet. What it tells until then is older.
    bool awaited = false;
  };
  /// Where a word about a record comes from.
  enum class Source : std::uint8_t { watcher, asked, listed };
  /// Each time another was faster; so many in a row do not happen.
  static constexpr int kAttempts = 5;
  enum class Written : std::uint8_t {
    done,
    beaten,  ///< another was faster: look again
    failed,  ///< the store did not go along
  };

  // The store's side, in grant_book_store.cc: no lock is held.
  [[nodiscard]] Written write_new(Grant& grant, std::string_view who);
  [[nodiscard]] Written rewrite(const Grant& grant, const Known& before, std::string_view who);
  [[nodiscard]] Written remove(std::uint64_t id, std::string_view who);
  [[nodiscard]] Written refresh(std::uint64_t id);
  [[nodiscard]] bool list_store();
  [[nodiscard]] Written slide(std::uint64_t id);
  void slide_all();
  void follow();  ///< the first thread
  void work();    ///< the second

  // With mutex_ held. What they change is seen after publish().
  void put(const Grant& grant, std::uint64_t version, bool awaited, std::string_view who);
  void drop(std::uint64_t id, std::string_view event, std::string_view who);
  void take(std::uint64_t id, const std::optional<verify::Record>& record, Source source);
  [[nodiscard]] std::uint64_t stamp_of(std::uint64_t id) const;  ///< 0: not known
  void reconcile(const std::vector<verify::ListedRecord>& listed, std::uint64_t began);
  void expire();
  void end_for_good(std::uint64_t id);
  void touch(std::uint64_t id);
  void publish();
  void tell(std::string_view event, const Grant& grant, std::string_view who) const;

  void recheck_if_due();

  const GrantBookWorld world_;
  SlideQueue slides_;

  mutable std::mutex mutex_;
  Grants grants_;
  // On their way into grants_, to be published together; an id is in it once.
  std::vector<Grant> put_;
  std::vector<std::uint64_t> gone_;
  std::unordered_set<std::uint64_t> touched_;
  bool recheck_due_ = false;
  std::unordered_map<std::uint64_t, Known> known_;
  std::uint64_t stamp_ = 0;
  std::uint64_t last_id_ = 0;  ///< without a store
  /// Whose hand a change of ours in the store is, until it is applied: the watcher may be faster.
  std::map<std::uint64_t, std::string> ours_;
  /// Ended lately: a late word of an earlier change must not open them again.
  std::unordered_set<std::uint64_t> ended_;
  std::deque<std::uint64_t> ended_order_;
  bool listed_ = false;  ///< once at least
  bool quiet_ = false;   ///< what is found at first is no news for the audit log

  std::mutex inbox_mutex_;  ///< of these: the watcher waits for nothing else
  std::condition_variable inbox_filled_;
  std::deque<verify::RecordChange> inbox_;
  /// Counts resync(). What was told before is older than the list that follows, and what came
  /// between was perhaps not told.
  std::atomic<std::uint64_t> resyncs_ = 0;
  bool following_ = false;

  std::mutex work_mutex_;
  std::condition_variable work_wanted_;
  bool list_wanted_ = false;
  bool working_ = false;
  std::set<std::uint64_t> sliding_;  ///< to be extended; the second thread's own
  bool away_ = false;                ///< the store; the log has been told

  std::thread follower_;
  std::thread worker_;
};

}  // namespace sallyport::http_door
