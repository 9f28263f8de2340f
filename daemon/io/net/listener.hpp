// A socket that clients connect to, Unix or TCP: made here, or handed over by systemd.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/loop/uv_handle.hpp"

namespace rategate {

class Listener;

// What a listener tells.
class ListenerEvents {
 public:
  ListenerEvents() = default;
  ListenerEvents(const ListenerEvents&) = delete;
  ListenerEvents& operator=(const ListenerEvents&) = delete;
  virtual ~ListenerEvents() = default;

  // A client waits to be accepted. Nobody else arrives here before it is.
  virtual void arrived(Listener& at) = 0;
};

class Listener {
 public:
  // Makes the socket of the configuration. A stale socket file is replaced; one that somebody
  // listens on is an error that names him, and so is a file that is no socket.
  static Result<std::unique_ptr<Listener>> bind(uv_loop_t* loop, const ServerConfig& config);
  // Whose the socket's file is to be, if the configuration names a group. Looks it up, which may
  // block.
  static Result<std::optional<gid_t>> group_of(const ServerConfig& config);
  // Listens on the TCP address of the configuration, which has been checked.
  static Result<std::unique_ptr<Listener>> bind_tcp(uv_loop_t* loop, const ServerConfig& config);
  // A listening socket that somebody else made, and will remove.
  static Result<std::unique_ptr<Listener>> adopt(uv_loop_t* loop, int fd);
  ~Listener();  // removes the socket's file, if it is still its own
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Result<bool> listen(ListenerEvents& events);
  // The client that has arrived gets `stream`. False where it has gone again.
  bool accept(uv_stream_t* stream);
  // By Unix sockets: its clients are processes of this host.
  bool is_local() const { return local_; }
  // The socket's path; of TCP "127.0.0.1:6380", with the port that it has.
  const std::string& path() const { return path_; }

 private:
  Listener() = default;

  UvHandle<uv_pipe_t> pipe_;  // libuv's handle of any stream socket
  ListenerEvents* events_ = nullptr;
  std::string path_;
  bool local_ = false;
  bool owned_ = false;
  dev_t device_ = 0;  // of the file that was made
  ino_t inode_ = 0;
};

}  // namespace rategate
