#pragma once
// One thread of the load generator: a ring, the sockets of its clients, and the loop that sends
// what is due and judges what comes back. Everything but start(), begin(), done() and join()
// belongs to its own thread.

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/exchanges.h"
#include "bench/load/outbox.h"
#include "bench/load/pacer.h"
#include "bench/load/run_control.h"
#include "bench/load/stage.h"
#include "bench/load/workload/workload.h"
#include "engine/ring/file_descriptor.h"
#include "engine/ring/receive_buffers.h"
#include "engine/ring/ring.h"

namespace sallyport::lab {

struct GeneratorPlan {
  std::uint32_t thread = 0;
  std::uint32_t threads = 1;
  std::optional<unsigned> core;  ///< pinned to it
  bool gso = false;
  ExchangeSettings exchanges;
};

class Generator {
 public:
  /// `control` outlives it. An error is one line: cause and remedy.
  [[nodiscard]] static std::expected<std::unique_ptr<Generator>, std::string> open(
      const GeneratorPlan& plan, std::unique_ptr<Workload> workload,
      std::span<const ring::FileDescriptor> sockets, RunControl& control);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Called by the owner's thread, in this order; begin() and done() once for each stage.

  void start();
  void begin(const Stage& stage);
  /// The stage has ended and all its answers are in, or were given up.
  [[nodiscard]] bool done() { return done_.try_acquire(); }
  [[nodiscard]] const StageResult& result() const noexcept { return result_; }
  void join();

 private:
  Generator(const GeneratorPlan& plan, std::unique_ptr<Workload> workload, RunControl& control);
  [[nodiscard]] std::expected<void, std::string> build(
      std::span<const ring::FileDescriptor> sockets);

  void run();
  void enter_thread();
  void run_stage();
  void begin_stage();
  [[nodiscard]] bool stage_over(std::uint64_t now_ns);
  void end_stage();
  void come_home();

  void wait();
  void collect() noexcept;
  void receive_completed(const ring::Completion& completion) noexcept;
  void handle_answers(std::uint64_t now_ns) noexcept;
  void send_due(std::uint64_t now_ns);
  [[nodiscard]] std::optional<std::uint64_t> due_ns(std::uint64_t now_ns) const noexcept;
  void end_sending(std::uint64_t now_ns, std::uint64_t window_end_ns);
  void arm_receivers() noexcept;
  void watch_clock(std::uint64_t now_ns);
  [[nodiscard]] std::uint64_t wake_ns(std::uint64_t now_ns) const noexcept;

  struct Arrival {
    std::uint32_t file;
    std::uint16_t buffer;
    Octets octets;
  };

  const GeneratorPlan plan_;
  RunControl& control_;
  std::unique_ptr<Workload> workload_;

  // The ring goes before the buffers: when its descriptor is closed the kernel writes no more.
  std::unique_ptr<ring::ReceiveBuffers> buffers_;
  std::unique_ptr<ring::Ring> ring_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Exchanges> exchanges_;
  std::vector<ring::Completion> completions_;
  std::vector<Arrival> arrivals_;
  std::vector<std::uint32_t> to_arm_;
  std::uint32_t files_ = 0;
  std::uint32_t armed_ = 0;      ///< receives that the kernel holds
  std::uint32_t canceling_ = 0;  ///< cancels
  std::uint64_t refused_ = 0;

  Stage stage_;
  StageResult result_;
  std::optional<Pacer> pacer_;  ///< of an open loop
  std::uint32_t window_ = 0;    ///< of a closed loop: this thread's share
  std::uint64_t requests_left_ = 0;
  bool sending_ = false;
  bool blocked_ = false;             ///< no free channel
  std::uint64_t window_end_ns_ = 0;  ///< the end of what the rate is counted in; 0: not yet
  std::uint64_t cpu_from_ns_ = 0;
  bool measuring_ = false;
  std::uint64_t last_answer_ns_ = 0;
  std::uint64_t second_from_ns_ = 0;
  std::uint64_t second_until_ns_ = 0;
  std::int64_t second_ = 0;
  std::uint64_t interrupted_ns_ = 0;  ///< 0: not

  std::binary_semaphore begin_{0};
  std::binary_semaphore done_{0};
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace sallyport::lab
