#include "daemon/core/line_queue.hpp"

#include <algorithm>

namespace rategate {

void LineQueue::Row::put_last(Client& client) {
  (client.*of).before = last;
  (client.*of).behind = nullptr;
  (last == nullptr ? first : (last->*of).behind) = &client;
  last = &client;
}

void LineQueue::Row::take_out(const Client& client) {
  const Client::Place& place = client.*of;
  (place.before == nullptr ? first : (place.before->*of).behind) = place.behind;
  (place.behind == nullptr ? last : (place.behind->*of).before) = place.before;
}

std::size_t LineQueue::turn() const {
  return std::clamp<std::size_t>(round_ / waiting_, 1, kLongestTurn);
}

template <class Change>
void LineQueue::change(Client& client, const Change& change) {
  if (client.has_lines()) row_of(client).take_out(client);
  change();
  if (client.has_lines()) row_of(client).put_last(client);
}

void LineQueue::push(Lines& lines, LineId id, std::uint32_t flow) {
  Client& client = clients_[flow];
  if (!client.has_lines()) {
    turns_.put_last(client);
    ++waiting_;
  }
  change(client, [&] {
    Line& line = lines[id];
    line.queued = true;
    line.flow = flow;
    line.before = client.last;
    line.behind = {};
    (client.has_lines() ? lines[client.last].behind : client.first) = id;
    client.last = id;
    ++client.waiting;
  });
  ++size_;
}

void LineQueue::remove(Lines& lines, LineId id) {
  Line& line = lines[id];
  const auto at = clients_.find(line.flow);
  Client& client = at->second;
  change(client, [&] {
    (line.before.is_none() ? client.first : lines[line.before].behind) = line.behind;
    (line.behind.is_none() ? client.last : lines[line.behind].before) = line.before;
    line.queued = false;
    line.before = line.behind = {};
    --client.waiting;
  });
  --size_;
  if (client.has_lines()) return;
  if (&client == turns_.first) taken_ = 0;
  turns_.take_out(client);
  --waiting_;
  if (client.asked == 0) clients_.erase(at);
}

LineId LineQueue::pop(Lines& lines) {
  Client& client = *turns_.first;
  const LineId line = client.first;
  const bool has_more = client.first != client.last;
  remove(lines, line);
  if (has_more && ++taken_ >= turn()) {
    taken_ = 0;
    turns_.take_out(client);
    turns_.put_last(client);
  }
  return line;
}

LineId LineQueue::front_of_few(std::size_t most) const {
  for (std::size_t few = 1; few <= std::min(most, kMostFew); ++few) {
    if (rows_[few].first != nullptr) return rows_[few].first->first;
  }
  return {};
}

void LineQueue::asked(std::uint32_t flow) {
  Client& client = clients_[flow];
  change(client, [&client] { ++client.asked; });
}

void LineQueue::answered(std::uint32_t flow) {
  const auto at = clients_.find(flow);
  Client& client = at->second;
  change(client, [&client] { --client.asked; });
  if (!client.has_lines() && client.asked == 0) clients_.erase(at);
}

}  // namespace rategate
