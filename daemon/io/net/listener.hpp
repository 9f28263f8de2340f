// A socket that clients connect to, Unix or TCP: made here, or handed over by systemd.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/loop/uv_handle.hpp"

namespace rategate {

class Listener {
 public:
  // Makes the socket of the configuration. A stale socket file is replaced; one that somebody
  // listens on is an error that names him, and so is a file that is no socket.
  static Result<std::unique_ptr<Listener>> bind(uv_loop_t* loop, const ServerConfig& config);
  // Listens on the TCP address of the configuration, which has been checked.
  static Result<std::unique_ptr<Listener>> bind_tcp(uv_loop_t* loop, const ServerConfig& config);
  // A listening socket that somebody else made, and will remove.
  static Result<std::unique_ptr<Listener>> adopt(uv_loop_t* loop, int fd);
  ~Listener();  // removes the socket's file, if it is still its own
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // `arrived` is called for each client that waits; it accepts from stream().
  Result<bool> listen(std::function<void(uv_stream_t*)> arrived);
  // The socket's path; of TCP "127.0.0.1:6380", with the port that it has.
  const std::string& path() const { return path_; }

 private:
  Listener() = default;

  UvHandle<uv_pipe_t> pipe_;  // libuv's handle of any stream socket
  std::function<void(uv_stream_t*)> arrived_;
  std::string path_;
  bool owned_ = false;
  dev_t device_ = 0;  // of the file that was made
  ino_t inode_ = 0;
};

}  // namespace rategate
