#include "daemon/core/line_queue.hpp"

#include <algorithm>

namespace rategate {

void LineQueue::enlist(Client& client) {
  client.before = last_;
  client.behind = nullptr;
  (last_ == nullptr ? first_ : last_->behind) = &client;
  last_ = &client;
}

void LineQueue::delist(const Client& client) {
  if (&client == first_) taken_ = 0;
  (client.before == nullptr ? first_ : client.before->behind) = client.behind;
  (client.behind == nullptr ? last_ : client.behind->before) = client.before;
}

std::size_t LineQueue::turn() const {
  return std::clamp<std::size_t>(round_ / clients_.size(), 1, kLongestTurn);
}

void LineQueue::push(Lines& lines, LineId id, std::uint32_t flow) {
  const auto [at, is_new] = clients_.try_emplace(flow);
  Client& client = at->second;
  if (is_new) enlist(client);
  Line& line = lines[id];
  line.queued = true;
  line.flow = flow;
  line.before = client.last;
  line.behind = {};
  (is_new ? client.first : lines[client.last].behind) = id;
  client.last = id;
  ++size_;
}

void LineQueue::remove(Lines& lines, LineId id) {
  Line& line = lines[id];
  const auto at = clients_.find(line.flow);
  Client& client = at->second;
  (line.before.is_none() ? client.first : lines[line.before].behind) = line.behind;
  (line.behind.is_none() ? client.last : lines[line.behind].before) = line.before;
  if (client.first.is_none()) {
    delist(client);
    clients_.erase(at);
  }
  line.queued = false;
  line.before = line.behind = {};
  --size_;
}

LineId LineQueue::pop(Lines& lines) {
  Client& client = *first_;
  const LineId line = client.first;
  const bool has_more = client.first != client.last;
  remove(lines, line);
  if (has_more && ++taken_ >= turn()) {
    delist(client);
    enlist(client);
  }
  return line;
}

}  // namespace rategate
