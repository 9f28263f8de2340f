#include "daemon/proto/verbs/long_text.hpp"

#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/reply_error.hpp"

namespace rategate {
namespace {

constexpr std::size_t kPartBytes = std::size_t{32} * 1024;

}  // namespace

bool LongText::go_on(std::string& out) {
  if (!collected_) return collect(out);
  out += parts_.front();
  parts_.pop_front();
  if (!parts_.empty()) return false;
  ReplyWriter(out, resp_).end_text();
  return true;
}

bool LongText::collect(std::string& out) {
  if (size_ > 0 && state_.output_full()) {
    reply_error(out, ErrorId::OutputFull);
    return true;
  }
  if (parts_.empty() || parts_.back().size() >= kPartBytes) parts_.emplace_back();
  std::string& part = parts_.back();
  const std::size_t before = part.size();
  collected_ = !next_lines(part);
  size_ += part.size() - before;
  if (!collected_) return false;
  ReplyWriter(out, resp_).begin_text(size_);
  return parts_.size() == 1 && go_on(out);
}

}  // namespace rategate
