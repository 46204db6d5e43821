#pragma once
// A small HTTP/1.1 server on a free loopback port, for the pool's tests: each request goes to a
// handler that says what comes back. One thread for each connection.

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sallyport::verify {

struct TestRequest {
  std::string method;
  std::string path;
  std::string headers;
  std::string body = {};
};

struct TestReply {
  int status = 200;
  std::string body = {};
  std::string headers = {};  ///< further lines, each with CRLF
  bool cut = false;          ///< close the connection instead of answering
};

class TestServer {
 public:
  /// `handle` is called from several threads, one call at a time.
  explicit TestServer(std::function<TestReply(const TestRequest&)> handle);
  ~TestServer();

  [[nodiscard]] std::string origin() const;  ///< http://127.0.0.1:port
  /// Requests so far whose method and path begin like this ("POST /api/v2").
  [[nodiscard]] int count(const std::string& beginning) const;
  [[nodiscard]] std::vector<TestRequest> requests() const;

 private:
  void accept_loop();
  void serve(int connection);

  std::function<TestReply(const TestRequest&)> handle_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<TestRequest> requests_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sallyport::verify
