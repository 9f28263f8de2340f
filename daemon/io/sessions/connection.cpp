#include "daemon/io/sessions/connection.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/proto/resp/reply_writer.hpp"

namespace rategate {
namespace {

// Where it is empty, and larger than what it may keep.
void give_back(std::string& buffer, std::size_t keep) {
  if (buffer.empty() && buffer.capacity() > keep) std::string().swap(buffer);
}

// A peer that has closed its socket; one that has only shut its sending side still reads.
bool has_gone(int fd) {
  pollfd peer{fd, 0, 0};
  return poll(&peer, 1, 0) > 0 && (peer.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

Connection::Connection(uv_loop_t* loop, ConnectionEvents& events, Workbench& bench,
                       std::uint64_t id, Mono now)
    : events_(events), bench_(bench), since_(now), active_(now) {
  session_.id = id;
  slice_.id = static_cast<std::uint32_t>(id);
  uv_pipe_init(loop, pipe_.get(), 0);
  pipe_.opened(this);
}

Connection::~Connection() {
  bench_.budget.change(accounted_, 0);
  if (write_ != nullptr) write_->data = nullptr;
}

void Connection::start(bool local) {
  uv_os_fd_t socket = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(pipe_.get()), &socket);
  peer_ = {socket, local};
  read_or_pause();
}

// ---- In -----------------------------------------------------------------------------------

// It changes with the budget, and so not while requests are handled.
Connection::Room Connection::room() const {
  const OutputBudget& budget = bench_.budget;
  return {budget.max_pending(bench_.max_pending), budget.high_water()};
}

void Connection::read_or_pause() {
  if (is_closed()) return;
  const bool want = !draining_ && !slice_.ready && answer_ == nullptr && !must_pause();
  if (want == reading_) return;
  reading_ = want;
  if (!want) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buf) {
        *buf = static_cast<Connection*>(handle->data)->bench_.read_buffer();
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
  active_ = mono_now();
  bench_.watch.works(active_);
  in_slice_ = bench_.turn.start(slice_, active_);
  const std::string_view arrived(bytes, static_cast<std::size_t>(count));
  if (in_slice_) {
    take(arrived);
  } else {
    keep(arrived);
  }
  settle();
}

void Connection::on_end() {
  if (has_gone(peer_.socket)) {
    close();
    return;
  }
  // It may still read the answers to what it has asked.
  finishing_ = true;
  input_.clear();
  input_done_ = 0;
  settle();
}

void Connection::take(std::string_view bytes) {
  if (input_.empty()) {
    input_.assign(bytes.substr(process(bytes)));
  } else {
    keep(bytes);
    process_input();
  }
}

void Connection::keep(std::string_view bytes) {
  input_.erase(0, input_done_);
  input_done_ = 0;
  input_.append(bytes);
  incomplete_ = false;
}

void Connection::process_input() {
  input_done_ += process(std::string_view(input_).substr(input_done_));
  if (input_done_ < input_.size()) return;
  input_.clear();
  input_done_ = 0;
}

// Whether its slice lasts, between two requests: the clock is read now and then only, and is the
// moment of the requests that follow.
inline bool Connection::lasts() {
  Turn& turn = bench_.turn;
  if (!turn.look_due()) return true;
  turn.look(mono_now());
  return !turn.over();
}

// Answers the requests that are all there, until the slice ends. Returns how many bytes are done
// with.
std::size_t Connection::process(std::string_view bytes) {
  std::size_t done = 0;
  incomplete_ = false;
  // What is the same for all of them is asked once.
  const Room most = room();
  const std::size_t max_request = bench_.max_request;
  Args& args = bench_.args;
  Caller caller(session_);
  caller.peer = peer_;
  caller.flow = static_cast<std::uint32_t>(session_.id);
  while (done < bytes.size() && answer_ == nullptr && !must_pause(most) && !is_closed() &&
         lasts()) {
    const ParseResult result = parse_request(bytes.substr(done), max_request, args, progress_);
    if (result.kind == Parsed::Incomplete) {
      incomplete_ = true;
      break;
    }
    const std::string_view request = bytes.substr(done, result.consumed);
    done += result.consumed;
    if (result.kind == Parsed::Skip) {
      bench_.turn.handled(false);
      continue;
    }
    const bool at_once = order_.at_once();
    std::string& reply = at_once ? out_ : bench_.scratch;
    if (!at_once) reply.clear();
    Handled handled = Handled::Close;
    if (result.kind == Parsed::Error) {
      ++bench_.stats.protocol_errors;
      ReplyWriter(reply, session_.resp).error(result.error);
      events_.broke_protocol(*this, result.error);
    } else {
      caller.ticket = std::uint64_t{caller.flow} << 32 | order_.next_number();
      caller.moment = bench_.turn.moment();
      caller.may_pass_descriptors = at_once && out_.empty() && write_ == nullptr;
      caller.request = at_once ? request : std::string_view();
      caller.behind = at_once ? bytes.substr(done) : std::string_view();
      caller.repeats = 0;
      handled = dispatch(caller, bench_.services, args, reply);
      bench_.stats.requests += 1 + caller.repeats;
      done += caller.repeats * request.size();
    }
    bench_.turn.handled(handled == Handled::RepliedAtCost || handled == Handled::Unfinished);
    if (handled == Handled::Unfinished) answer_ = std::move(caller.answer);
    if (handled == Handled::Parked) {
      order_.park(caller.waiter);
    } else if (handled == Handled::Attach) {
      send_attached();
    } else if (!at_once) {
      order_.keep(reply);
    }
    finishing_ = handled == Handled::Close;
  }
  return finishing_ ? bytes.size() : done;
}

// ---- Out ----------------------------------------------------------------------------------

void Connection::answered(std::uint32_t number, std::string_view reply) {
  order_.answered(number, reply, out_);
}

// After anything that made answers, room or time: writes, handles what has arrived for as long as
// its slice lasts, and reads on, waits for its next turn, or ends.
void Connection::settle() {
  if (is_closed()) return;
  flush();
  // What was kept back may go on now; each round frees or uses up room.
  while (!is_closed() && !must_pause() && has_more() && in_slice()) {
    go_on();
    flush();
  }
  end_slice();
  if (is_closed()) return;
  if (session_.enters && unwritten() == 0) {
    bench_.services.checks.told(static_cast<std::uint32_t>(session_.id));
  }
  if (finishing_ && answer_ == nullptr && order_.empty() && unwritten() == 0) {
    close();
    return;
  }
  read_or_pause();
  account();
}

void Connection::resume() {
  bench_.turn.resume(slice_);
  settle();
}

// ---- Its slice of the turn ------------------------------------------------------------------

// Whether there is something to do that waits for nothing but time.
bool Connection::has_more() const {
  if (answer_ != nullptr) return order_.at_once();
  return draining_ || (!input_.empty() && !incomplete_);
}

// Whether its slice of this turn lasts. Looks at the clock, which is the moment of what follows.
bool Connection::in_slice() {
  Turn& turn = bench_.turn;
  const Mono now = mono_now();
  bench_.watch.works(now);
  if (!in_slice_) return in_slice_ = turn.start(slice_, now);
  turn.look(now);
  return !turn.over();
}

void Connection::end_slice() {
  if (std::exchange(in_slice_, false)) bench_.turn.stop(slice_, mono_now());
  if (is_closed() || must_pause() || !has_more()) return;
  bench_.turn.put_off(slice_);
  events_.ready();
}

// Handles some more of what has arrived; has_more().
void Connection::go_on() {
  if (answer_ != nullptr) {
    if (answer_->go_on(out_)) answer_.reset();
    return;
  }
  if (!input_.empty() && !incomplete_) {
    process_input();
    return;
  }
  if (to_drain_ == 0) {
    finishing_ = true;
    return;
  }
  const uv_buf_t buf = bench_.read_buffer();
  const ssize_t count = recv(peer_.socket, buf.base, std::min(buf.len, to_drain_), MSG_DONTWAIT);
  if (count <= 0) {
    to_drain_ = 0;
  } else {
    to_drain_ -= static_cast<std::size_t>(count);
    take({buf.base, static_cast<std::size_t>(count)});
  }
}

// ---- Writing ------------------------------------------------------------------------------

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

// The answer to ATTACH, which is the first to be written, with its descriptors.
void Connection::send_attached() {
  const auto sent = bench_.services.sharing.hand_out(peer_, out_);
  if (sent) {
    handed_out_ = true;
    out_.erase(0, *sent);
  } else {
    out_.clear();
    ReplyWriter(out_, session_.resp).error(sent.error());
  }
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
  const std::size_t keep = bench_.budget.keep_size();
  give_back(out_, keep);
  give_back(input_, keep);
  give_back(writing_, keep);
  order_.give_back(keep);
  const std::size_t now = input_.capacity() + out_.capacity() + writing_.capacity() +
                          order_.memory() + (answer_ == nullptr ? 0 : answer_->memory());
  bench_.budget.change(accounted_, now);
  accounted_ = now;
}

// ---- The end ------------------------------------------------------------------------------

void Connection::drain() {
  if (is_closed() || draining_) return;
  draining_ = true;
  int arrived = 0;
  // A client that goes on sending is not waited for: what comes from now on is not read.
  if (ioctl(peer_.socket, FIONREAD, &arrived) == 0) to_drain_ = static_cast<std::size_t>(arrived);
  settle();
}

void Connection::close() {
  if (is_closed()) return;
  order_.drop([this](WaiterId waiter) { bench_.services.checks.abandon(waiter); });
  // A daemon that stops closes connections itself: their clients may be at work.
  if (session_.enters && !draining_) {
    bench_.services.checks.gone(static_cast<std::uint32_t>(session_.id));
  }
  // libuv still has it, and its callback frees it.
  if (write_ != nullptr) std::exchange(write_, nullptr)->data = nullptr;
  if (handed_out_) bench_.services.sharing.closing(peer_);
  pipe_.close();
  peer_.socket = -1;
  end_slice();
  events_.closed(*this);
}

}  // namespace rategate
