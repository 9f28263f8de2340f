#include "daemon/io/sessions/connection.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/base/mutant.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {
namespace {

// Buffers above this are given back when they are empty.
constexpr std::size_t kKeepBytes = 4096;

void give_back(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > kKeepBytes) std::string().swap(buffer);
}

// A peer that has closed its socket; one that has only shut its sending side still reads.
bool has_gone(int fd) {
  pollfd peer{fd, 0, 0};
  return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

Connection::Connection(uv_loop_t* loop, ConnectionHost& host, std::uint64_t id, Mono now)
    : host_(host), since_(now), active_(now) {
  session_.id = id;
  uv_pipe_init(loop, pipe_.get(), 0);
  pipe_.opened(this);
}

Connection::~Connection() {
  host_.budget().change(accounted_, 0);
  if (write_ != nullptr) write_->data = nullptr;
}

int Connection::fd() const {
  uv_os_fd_t fd = -1;
  if (pipe_.is_open()) uv_fileno(reinterpret_cast<uv_handle_t*>(pipe_.get()), &fd);
  return fd;
}

void Connection::start() { read_or_pause(); }

// ---- In -----------------------------------------------------------------------------------

// It changes with the budget, and so not while requests are handled.
Connection::Room Connection::room() const {
  const OutputBudget& budget = host_.budget();
  return {budget.max_pending(host_.max_pending()), budget.high_water()};
}

bool Connection::must_pause(const Room& room) const {
  return finishing_ || waiting_ >= room.waiting || unwritten() >= room.unwritten;
}

void Connection::read_or_pause() {
  if (is_closed()) return;
  const bool want = !draining_ && !must_pause();
  if (want == reading_) return;
  reading_ = want;
  if (!want) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buf) {
        *buf = static_cast<Connection*>(handle->data)->host_.read_buffer();
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
        auto* connection = static_cast<Connection*>(stream->data);
        if (connection != nullptr) connection->on_read(count, buf->base);
      });
}

void Connection::on_read(ssize_t count, const char* bytes) {
  if (count == 0) return;
  if (count < 0) {
    on_end();
    return;
  }
  active_ = moment_ = mono_now();
  take({bytes, static_cast<std::size_t>(count)});
  settle();
}

void Connection::on_end() {
  if (has_gone(fd())) {
    close();
    return;
  }
  // It may still read the answers to what it has asked.
  finishing_ = true;
  input_.clear();
  settle();
}

void Connection::take(std::string_view bytes) {
  if (input_.empty()) {
    input_.assign(bytes.substr(process(bytes)));
  } else {
    input_.append(bytes);
    input_.erase(0, process(input_));
  }
}

// Answers the requests that are all there. Returns how many bytes are done with.
std::size_t Connection::process(std::string_view bytes) {
  std::size_t done = 0;
  processing_ = true;
  // What is the same for all of them is asked once.
  const Room most = room();
  const std::size_t max_request = host_.max_request();
  Args& args = host_.args();
  while (done < bytes.size() && !must_pause(most) && !is_closed()) {
    const ParseResult result = parse_request(bytes.substr(done), max_request, args, progress_);
    if (result.kind == Parsed::Incomplete) break;
    const std::string_view request = bytes.substr(done, result.consumed);
    done += result.consumed;
    if (result.kind == Parsed::Skip) continue;

    // Behind a check that waits, an answer waits too.
    const bool in_order = places_.empty() || mutant("answers-reordered");
    std::string& reply = in_order ? out_ : host_.scratch();
    if (!in_order) reply.clear();
    bool last = false;
    if (result.kind == Parsed::Error) {
      host_.protocol_error();
      ReplyWriter(reply, session_.resp).error(result.error);
      last = true;
    } else {
      session_.pipeline = in_order ? Pipeline{request, bytes.substr(done), 0} : Pipeline{};
      const Handled handled = host_.handle(*this, args, reply);
      done += session_.pipeline.repeats * request.size();
      if (handled == Handled::Parked) continue;
      last = handled == Handled::Close;
      if (handled == Handled::Attach) {
        send_attached();
        continue;
      }
    }
    if (!in_order) {
      places_.push_back({{}, reply, true});
      place_bytes_ += reply.size();
    }
    if (last) {
      finishing_ = true;
      done = bytes.size();
    }
  }
  processing_ = false;
  session_.pipeline = {};
  return finishing_ ? bytes.size() : done;
}

// ---- Out ----------------------------------------------------------------------------------

void Connection::park(WaiterId waiter) {
  places_.push_back({waiter, {}, false});
  ++waiting_;
}

void Connection::answered(std::uint32_t number, std::string_view reply) {
  const std::size_t at = number - first_number_;
  if (at >= places_.size() || places_[at].ready) return;
  --waiting_;
  if (mutant("answers-reordered")) {
    // Whatever comes first goes out first.
    places_[at].ready = true;
    out_ += reply;
    return;
  }
  if (at == 0) {  // the usual case: in the order in which they were asked
    out_ += reply;
    places_.pop_front();
    ++first_number_;
    release();
    return;
  }
  places_[at].ready = true;
  places_[at].reply = reply;
  place_bytes_ += reply.size();
}

void Connection::release() {
  while (!places_.empty() && places_.front().ready) {
    out_ += places_.front().reply;
    place_bytes_ -= places_.front().reply.size();
    places_.pop_front();
    ++first_number_;
  }
}

// After anything that made answers possible: writes them, reads on, or ends.
void Connection::settle() {
  if (is_closed() || processing_) return;
  release();
  flush();
  // What was kept back may go on now; each round frees or uses up room.
  while (!is_closed() && !must_pause() && go_on()) {
    release();
    flush();
  }
  if (is_closed()) return;
  if (finishing_ && places_.empty() && unwritten() == 0) {
    close();
    return;
  }
  read_or_pause();
  account();
}

// Handles some more of what has arrived; false when there is no more to handle.
bool Connection::go_on() {
  moment_ = mono_now();
  if (!input_.empty()) {
    const std::size_t before = input_.size();
    input_.erase(0, process(input_));
    if (input_.size() != before) return true;
  }
  if (!draining_) return false;
  if (to_drain_ == 0) {
    finishing_ = true;
    return false;
  }
  const int from = fd();
  if (from < 0) return false;
  const uv_buf_t buf = host_.read_buffer();
  const ssize_t count = recv(from, buf.base, std::min(buf.len, to_drain_), MSG_DONTWAIT);
  if (count <= 0) {
    to_drain_ = 0;
  } else {
    to_drain_ -= static_cast<std::size_t>(count);
    take({buf.base, static_cast<std::size_t>(count)});
  }
  return true;
}

void Connection::flush() {
  if (is_closed() || out_.empty() || write_ != nullptr) return;
  uv_buf_t buf = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
  const int written = uv_try_write(stream(), &buf, 1);
  if (written >= 0) {
    out_.erase(0, static_cast<std::size_t>(written));
  } else if (written != UV_EAGAIN) {
    close();
    return;
  }
  if (!out_.empty()) write_rest();
}

// The answer to ATTACH, with its descriptors. libuv passes only handles of its own, so this is by
// hand; it is short and the first to be written, so it goes as a whole or the peer reads nothing.
void Connection::send_attached() {
  const std::array<int, 2> fds = host_.attach_fds();
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  iovec bytes{out_.data(), out_.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
  const ssize_t sent = sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  const bool whole = sent == static_cast<ssize_t>(out_.size());
  out_.clear();
  if (!whole) close();
}

// The socket is full: libuv writes the rest when there is room.
void Connection::write_rest() {
  writing_.swap(out_);
  out_.clear();
  write_ = new uv_write_t{};
  write_->data = this;
  const uv_buf_t buf = uv_buf_init(writing_.data(), static_cast<unsigned>(writing_.size()));
  const int failure = uv_write(write_, stream(), &buf, 1, [](uv_write_t* req, int status) {
    const std::unique_ptr<uv_write_t> write(req);
    auto* connection = static_cast<Connection*>(write->data);
    if (connection == nullptr) return;
    connection->write_ = nullptr;
    connection->writing_.clear();
    give_back(connection->writing_);
    if (status != 0) {
      connection->close();
    } else {
      connection->settle();
    }
  });
  if (failure != 0) {
    delete std::exchange(write_, nullptr);
    writing_.clear();
    close();
  }
}

void Connection::account() {
  give_back(out_);
  give_back(input_);
  const std::size_t now = input_.capacity() + out_.capacity() + writing_.capacity() +
                          places_.size() * sizeof(Place) + place_bytes_;
  host_.budget().change(accounted_, now);
  accounted_ = now;
}

// ---- The end ------------------------------------------------------------------------------

void Connection::drain() {
  if (is_closed() || draining_) return;
  draining_ = true;
  int arrived = 0;
  // A client that goes on sending is not waited for: what comes from now on is not read.
  if (ioctl(fd(), FIONREAD, &arrived) == 0) to_drain_ = static_cast<std::size_t>(arrived);
  settle();
}

void Connection::close() {
  if (is_closed()) return;
  for (const Place& place : places_) {
    if (!place.ready) host_.abandon(place.waiter);
  }
  places_.clear();
  waiting_ = 0;
  // libuv still has it, and its callback frees it.
  if (write_ != nullptr) std::exchange(write_, nullptr)->data = nullptr;
  pipe_.close();
  host_.closed(*this);
}

}  // namespace rategate
