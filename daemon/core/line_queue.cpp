#include "daemon/core/line_queue.hpp"

#include <algorithm>

namespace rategate {

void LineQueue::enlist(std::uint16_t bucket) {
  buckets_[bucket].before = last_;
  buckets_[bucket].behind = kNone;
  (last_ == kNone ? first_ : buckets_[last_].behind) = bucket;
  last_ = bucket;
  ++waiting_;
}

void LineQueue::delist(std::uint16_t bucket) {
  if (bucket == first_) taken_ = 0;
  const Bucket& gone = buckets_[bucket];
  (gone.before == kNone ? first_ : buckets_[gone.before].behind) = gone.behind;
  (gone.behind == kNone ? last_ : buckets_[gone.behind].before) = gone.before;
  --waiting_;
}

std::size_t LineQueue::turn() const {
  return std::clamp<std::size_t>(round_ / waiting_, 1, kLongestTurn);
}

void LineQueue::push(Lines& lines, LineId id, std::uint32_t flow) {
  Line& line = lines[id];
  line.bucket = bucket_of(flow);
  Bucket& bucket = buckets_[line.bucket];
  if (bucket.first.is_none()) enlist(line.bucket);
  line.before = bucket.last;
  line.behind = {};
  (bucket.last.is_none() ? bucket.first : lines[bucket.last].behind) = id;
  bucket.last = id;
  ++size_;
}

void LineQueue::remove(Lines& lines, LineId id) {
  Line& line = lines[id];
  Bucket& bucket = buckets_[line.bucket];
  (line.before.is_none() ? bucket.first : lines[line.before].behind) = line.behind;
  (line.behind.is_none() ? bucket.last : lines[line.behind].before) = line.before;
  if (bucket.first.is_none()) delist(line.bucket);
  line.bucket = Line::kNotQueued;
  line.before = line.behind = {};
  --size_;
}

LineId LineQueue::pop(Lines& lines) {
  const std::uint16_t client = first_;
  const LineId line = buckets_[client].first;
  remove(lines, line);
  if (!buckets_[client].first.is_none() && ++taken_ >= turn()) {
    delist(client);
    enlist(client);
  }
  return line;
}

}  // namespace rategate
