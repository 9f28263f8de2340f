// What all connections of a server work with. They are served one after the other, so one of each
// is enough for any number of them.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/core/turn.hpp"
#include "daemon/io/loop/loop_watch.hpp"
#include "daemon/io/sessions/output_budget.hpp"
#include "daemon/metrics/snapshot.hpp"
#include "daemon/proto/resp/request_parser.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Workbench {
 public:
  Workbench(const ServerConfig& config, const Services& answering, LoopWatch& loop_watch)
      : services(answering),
        watch(loop_watch),
        max_request(static_cast<std::size_t>(config.max_request)),
        max_pending(static_cast<std::size_t>(config.max_pending)) {}

  // Memory to read into, good until the next read.
  uv_buf_t read_buffer() {
    const std::size_t size = std::min(read_buffer_.size(), budget.read_size());
    return uv_buf_init(read_buffer_.data(), static_cast<unsigned>(size));
  }

  const Services& services;
  LoopWatch& watch;
  Turn turn;
  OutputBudget budget;
  Args args;            // the words of the request at hand
  std::string scratch;  // its answer, where that has to wait for another
  const std::size_t max_request;
  const std::size_t max_pending;
  SessionStats stats;

 private:
  static constexpr std::size_t kReadBuffer = std::size_t{64} * 1024;

  std::vector<char> read_buffer_ = std::vector<char>(kReadBuffer);
};

}  // namespace rategate
