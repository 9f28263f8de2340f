// A daemon of the test's own on a real Unix socket: what it answers, and how it misbehaves, is a
// function of the test's, run by a thread for each connection.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "tests/temp_dir.hpp"

namespace fake {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A deadline for what should happen at once; sanitizers and busy machines are slow.
inline constexpr std::chrono::seconds kSoon{20};

using rategate::test::TempDir;

// Something that happens, and somebody who waits for it.
class Event {
 public:
  void happen() {
    const std::lock_guard lock(mutex_);
    ++times_;
    changed_.notify_all();
  }
  // Whether it has happened so often before long.
  bool wait(int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kSoon, [&] { return times_ >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int times_ = 0;
};

// The daemon's end of a connection.
class Peer {
 public:
  explicit Peer(int fd, int number) : fd_(fd), number_(number) {}
  ~Peer() { close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // The next request's words; none once the client has hung up. ATTACH is answered as by a daemon
  // without shared memory, and not told.
  Words request() {
    Words words = any_request();
    for (; words == Words{"ATTACH"}; words = any_request()) send("-NOSHM off\r\n");
    return words;
  }

  // The same without exceptions.
  Words any_request() {
    Words words;
    const std::string head = line();
    if (head.empty() || head[0] != '*') return {};
    for (int left = std::stoi(head.substr(1)); left > 0; --left) {
      const std::string length = line();
      if (length.empty() || length[0] != '$') return {};
      words.push_back(bytes(static_cast<std::size_t>(std::stoul(length.substr(1)))));
      line();
    }
    return words;
  }

  // Exactly what is sent until `size` bytes are there, or fewer when the client hung up.
  std::string bytes(std::size_t size) {
    while (buffer_.size() < size && more()) {
    }
    size = std::min(size, buffer_.size());
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // The bytes of an answer in one piece, and descriptors with them.
  void send_with(std::string_view bytes, const std::vector<int>& descriptors) const {
    iovec data{const_cast<char*>(bytes.data()), bytes.size()};
    std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
      std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
    }
    sendmsg(fd_, &message, MSG_NOSIGNAL);
  }

  // Each byte in a write of its own.
  void trickle(std::string_view bytes) const {
    for (const char byte : bytes) {
      send({&byte, 1});
      std::this_thread::yield();
    }
  }

  // Returns when the client has hung up, or the daemon ends.
  void wait_for_end() {
    while (more()) {
    }
  }

  int number() const { return number_; }  // 1 for the daemon's first connection
  void stop() const { shutdown(fd_, SHUT_RDWR); }

 private:
  bool more() {
    char chunk[4096];
    const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
    if (got > 0) buffer_.append(chunk, static_cast<std::size_t>(got));
    return got > 0;
  }

  std::string line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!more()) return {};
    }
    std::string taken = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return taken;
  }

  int fd_;
  int number_;
  std::string buffer_;
};

// A socket that listens; nobody accepts.
class Listener {
 public:
  explicit Listener(const std::string& path, int backlog = 64) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd_, backlog) != 0) {
      close(fd_);
      throw std::runtime_error("cannot listen at " + path);
    }
  }
  ~Listener() {
    close(fd_);
    unlink(path_.c_str());
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int accept() const { return accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }
  void stop() const { shutdown(fd_, SHUT_RDWR); }

 private:
  std::string path_;
  int fd_ = -1;
};

class Daemon {
 public:
  using Serve = std::function<void(Peer&)>;

  Daemon(const std::string& path, Serve serve)
      : serve_(std::move(serve)), listener_(path), acceptor_([this] { accept_all(); }) {}
  ~Daemon() {
    listener_.stop();
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const auto& peer : peers_) peer->stop();
    }
    for (std::thread& server : servers_) server.join();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  int connections() const { return connections_; }  // accepted so far
  int open() const { return open_; }                // that are still served

 private:
  void accept_all() {
    for (int fd = listener_.accept(); fd >= 0; fd = listener_.accept()) {
      auto peer = std::make_shared<Peer>(fd, ++connections_);
      ++open_;
      {
        const std::lock_guard lock(mutex_);
        peers_.push_back(peer);
      }
      servers_.emplace_back([this, peer] {
        serve_(*peer);
        peer->stop();
        --open_;
      });
    }
  }

  Serve serve_;
  Listener listener_;
  std::atomic<int> connections_{0};
  std::atomic<int> open_{0};
  std::mutex mutex_;
  std::list<std::shared_ptr<Peer>> peers_;
  std::list<std::thread> servers_;
  std::thread acceptor_;
};

// The bytes of an answer to CHECK.
inline std::string decision(bool allowed, std::int64_t limit, std::int64_t remaining,
                            std::int64_t retry_after_ms, std::int64_t reset_after_ms, int reason) {
  std::string bytes = "*6\r\n";
  for (const std::int64_t number : {std::int64_t{allowed}, limit, remaining, retry_after_ms,
                                    reset_after_ms, std::int64_t{reason}}) {
    bytes += ":" + std::to_string(number) + "\r\n";
  }
  return bytes;
}
inline std::string allowed() { return decision(true, 100, 99, 0, 412, 0); }
inline std::string denied(std::int64_t retry_after_ms = 412) {
  return decision(false, 100, 0, retry_after_ms, retry_after_ms, 1);
}

// Answers every request alike.
inline Daemon::Serve always(std::string answer) {
  return [answer = std::move(answer)](Peer& peer) {
    while (!peer.request().empty()) peer.send(answer);
  };
}

// Tells each connection its number, as what remains.
inline Daemon::Serve numbering() {
  return [](Peer& peer) {
    while (!peer.request().empty()) peer.send(decision(true, 100, peer.number(), 0, 412, 0));
  };
}

// Answers the requests of all connections in their order; the last answer again and again. Says
// what was asked.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : answers_(std::move(answers)) {}

  Daemon::Serve serve() {
    return [this](Peer& peer) {
      for (Words words = peer.request(); !words.empty(); words = peer.request()) {
        peer.send(next(std::move(words)));
        asked.happen();
      }
    };
  }

  std::vector<Words> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  Event asked;

 private:
  std::string next(Words words) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(words));
    return answers_[std::min(requests_.size(), answers_.size()) - 1];
  }

  std::mutex mutex_;
  std::vector<std::string> answers_;
  std::vector<Words> requests_;
};

}  // namespace fake
