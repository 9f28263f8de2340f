#include "daemon/io/redis/redis_connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <variant>

#include "daemon/base/host_port.hpp"
#include "daemon/config/tls_files.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/store/redis/hidden.hpp"

namespace rategate {
namespace {

// More than any answer has that we ask for.
constexpr int kMostElements = 1 << 18;

// hiredis makes room for as many elements as a reply announces, and goes through all of it again
// when the connection ends: seconds, for one line. `privdata`: how hiredis makes them.
template <class Count>
void* make_array(const redisReadTask* task, Count elements) {
  if (elements > static_cast<Count>(kMostElements)) return nullptr;
  return static_cast<const redisReplyObjectFunctions*>(task->privdata)->createArray(task, elements);
}

constexpr std::size_t kMostHeard = 16384;  // at a time: as much as the relay delivers

constexpr std::size_t kMostUnread = std::size_t{16} << 20;

constexpr char kUnasked[] = "the server has answered more than it was asked";
constexpr char kTooLong[] = "an answer of the server is longer than 16 MiB";
constexpr char kNoHandshake[] =
    "the TLS handshake is not answered; the server may not speak TLS there";
constexpr char kNoAnswer[] = ", before it answered anything; it may speak TLS only (tls = true)";
constexpr char kTlsRecord[] = "\"\\x15\"";  // as hiredis tells of an alert's first byte

std::vector<std::string> names_of(const addrinfo* found) {
  std::vector<std::string> names;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char name[INET6_ADDRSTRLEN] = "";
    if (at->ai_family == AF_INET6) {
      uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(at->ai_addr), name, sizeof name);
    } else {
      uv_ip4_name(reinterpret_cast<const sockaddr_in*>(at->ai_addr), name, sizeof name);
    }
    names.emplace_back(name);
  }
  return names;
}

// A host that vanishes closes nothing. What was asked has a time-out of its own; but a connection
// that is idle would be found dead by the next check only. The kernel counts its probes in whole
// seconds, and gives the connection up when the second one is due and the first has no answer. An
// option that it does not know leaves its own times in force.
void notice_dead_peer(int socket, std::int64_t within_ms) {
  const auto set = [&](int level, int option, int value) {
    setsockopt(socket, level, option, &value, sizeof value);
  };
  const int seconds = static_cast<int>((within_ms + 999) / 1000);
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, seconds);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(within_ms));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool is_address(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace

struct RedisConnection::Resolve {
  uv_getaddrinfo_t request{};
  RedisConnection* owner = nullptr;  // null: nobody waits for it any more
};

RedisConnection::RedisConnection(uv_loop_t* loop, LoopWatch& watch, RedisConnectionEvents& events)
    : loop_(loop), watch_(watch), events_(events) {}

RedisConnection::~RedisConnection() { close(); }

// ---- Making the connection ----------------------------------------------------------------

void RedisConnection::connect(const RedisServer& server) {
  server_ = server;
  ++attempts_;
  if (!server_.unix_socket.empty()) {
    open({});
  } else if (is_address(server_.host)) {
    open(server_.host);
  } else {
    resolve();
  }
}

// hiredis would look the name up itself, and block the loop for it.
void RedisConnection::resolve() {
  resolve_ = new Resolve;
  resolve_->owner = this;
  resolve_->request.data = resolve_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int failure = uv_getaddrinfo(
      loop_, &resolve_->request,
      [](uv_getaddrinfo_t* req, int status, addrinfo* found) {
        const std::unique_ptr<Resolve> done(static_cast<Resolve*>(req->data));
        RedisConnection* owner = done->owner;
        std::vector<std::string> addresses = names_of(found);
        uv_freeaddrinfo(found);
        if (owner == nullptr) return;
        owner->resolve_ = nullptr;
        if (status != 0 || addresses.empty()) {
          owner->ended("cannot resolve " + owner->server_.host + ": " +
                       (status != 0 ? uv_strerror(status) : "no address"));
          return;
        }
        // Another one first each time, should one let the whole time-out pass.
        std::rotate(
            addresses.begin(),
            addresses.begin() + static_cast<std::ptrdiff_t>(owner->attempts_ % addresses.size()),
            addresses.end());
        owner->addresses_.assign(addresses.begin(), addresses.end());
        owner->open_next("");
      },
      server_.host.c_str(), nullptr, &hints);
  if (failure == 0) return;
  delete std::exchange(resolve_, nullptr);
  ended(std::string("cannot resolve: ") + uv_strerror(failure));
}

// The next of the addresses that a name has, as a server may listen on one of them only.
void RedisConnection::open_next(const std::string& why) {
  if (addresses_.empty()) {
    ended("cannot connect: " + why);
    return;
  }
  const std::string address = std::move(addresses_.front());
  addresses_.pop_front();
  open(address);
}

void RedisConnection::open(const std::string& address) {
  peer_ = address.empty() ? std::string() : to_text(HostPort{address, server_.port});
  redisAsyncContext* context =
      address.empty() ? redisAsyncConnectUnix(server_.unix_socket.c_str())
                      : redisAsyncConnect(address.c_str(), static_cast<int>(server_.port));
  if (context == nullptr || context->err != 0) {
    const std::string why = context == nullptr ? "out of memory" : context->errstr;
    if (context != nullptr) redisAsyncFree(context);
    open_next(why);
    return;
  }
  adopt(context);
}

void RedisConnection::adopt(redisAsyncContext* context) {
  context_ = context;
  fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);  // it is none of a program's that is run meanwhile
  connecting_ = true;
  answered_ = hears_ = has_heard_ = false;
  context->data = this;
  redisReader& reader = *context->c.reader;
  reader.privdata = reader.fn;
  objects_ = *reader.fn;
  objects_.createArray = make_array;
  reader.fn = &objects_;
  poll_ = new UvHandle<uv_poll_t>;
  uv_poll_init(loop_, poll_->get(), context->c.fd);
  poll_->opened(this);
  polled_ = 0;
  context->ev.data = this;
  context->ev.addRead = add_read;
  context->ev.delRead = nothing;
  context->ev.addWrite = add_write;
  context->ev.delWrite = del_write;
  context->ev.cleanup = cleanup;
  redisAsyncSetConnectCallback(context, [](const redisAsyncContext* c, int status) {
    static_cast<RedisConnection*>(c->data)->on_connected(status == REDIS_OK);
  });
  redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* c, int) {
    auto* owner = static_cast<RedisConnection*>(c->data);
    if (owner != nullptr) owner->on_disconnected();
  });
  poll_for(UV_WRITABLE);  // a connection that is made says so by being writable
}

void RedisConnection::on_connected(bool ok) {
  if (ok) {
    if (server_.unix_socket.empty()) notice_dead_peer(context_->c.fd, server_.notice_dead_ms);
    connecting_ = false;  // on_poll tells the link: here hiredis would write before it is asked to
    return;
  }
  const std::string why = context_->errstr;
  // hiredis frees it after this call, when another may be in its place already.
  context_->ev = {};
  context_ = nullptr;
  delete std::exchange(poll_, nullptr);
  open_next(why);
}

void RedisConnection::on_tcp_connected() {
  if (server_.tls.tls) {
    auto relay = make_relay();
    if (!relay) return ended(relay.error());
    relay_ = std::move(*relay);
    context_->c.fd = relay_->take_inner();
    poll_for(relay_->is_written() ? UV_READABLE : UV_READABLE | UV_WRITABLE);
    return;
  }
  poll_for(UV_READABLE);
  events_.connected(mono_now());
}

// It takes the context's socket, unless something is wrong with the files.
Result<std::unique_ptr<TlsRelay>> RedisConnection::make_relay() const {
  const auto made = TlsContext::make(tls_files(server_.tls));
  if (const auto* fault = std::get_if<TlsFault>(&made))
    return Error{tls_fault_text(server_.section, *fault)};
  const std::string& peer = server_.tls.tls_name.empty() ? server_.host : server_.tls.tls_name;
  auto session =
      TlsSession::begin(std::get<TlsContext>(made), peer, !server_.tls.tls_insecure_no_verify);
  if (!session) return Error{session.error()};
  return TlsRelay::start(context_->c.fd, std::move(*session));
}

std::string_view RedisConnection::awaits() const {
  return relay_ != nullptr && !relay_->is_open() ? kNoHandshake : std::string_view();
}

// ---- Losing it ----------------------------------------------------------------------------

void RedisConnection::ended(const std::string& why) { events_.closed(why, mono_now()); }

void RedisConnection::on_disconnected() {
  std::string why = unread_error();
  if (why.empty() && context_ != nullptr && context_->errstr != nullptr) {
    why = context_->errstr;
    const bool cut = context_->err == REDIS_ERR_EOF || context_->err == REDIS_ERR_IO;
    const bool plain = relay_ == nullptr && server_.unix_socket.empty();
    if (plain && !answered_ && (cut || why.find(kTlsRecord) != std::string::npos)) why += kNoAnswer;
  }
  if (why.empty()) why = "the connection was closed";
  why.resize(hide_secret(why, secret_));
  context_ = nullptr;  // hiredis frees it after this call
  delete std::exchange(poll_, nullptr);
  relay_.reset();  // with the socket that was polled
  ended(why);
}

// A server that turns a connection away says why, unasked, and closes. Whoever writes before it
// reads finds a broken pipe, and the reason still in the socket.
std::string RedisConnection::unread_error() const {
  char words[256];
  const ssize_t got =
      context_ == nullptr ? -1 : recv(context_->c.fd, words, sizeof words, MSG_DONTWAIT);
  const std::string_view said(words, got > 0 ? static_cast<std::size_t>(got) : 0);
  return said.starts_with('-') ? std::string(said.substr(1, said.find_first_of("\r\n") - 1)) : "";
}

// What comes when nothing was asked. An error is why the server is about to close, and hiredis
// takes it for that; for anything else it ends the process by an assertion.
bool RedisConnection::is_unasked_reply() const {
  if (awaited_ > 0) return false;
  if (has_heard_) return true;
  const redisReader& reader = *context_->c.reader;
  char first = '-';
  if (reader.pos < reader.len) {
    first = reader.buf[reader.pos];
  } else if (recv(context_->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
    return false;
  }
  return first != '-';
}

// What is heard is not read by hiredis, which ends the process where a message is not of the form
// that it expects, and neither by anybody else: that something was said is all that counts.
void RedisConnection::unasked() {
  if (!hears_) return ended(kUnasked);
  has_heard_ = true;
  redisReader& reader = *context_->c.reader;
  if (reader.pos < reader.len) {
    reader.pos = reader.len;
  } else {
    char bytes[kMostHeard];
    const ssize_t got = recv(context_->c.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return ended("the connection was closed");
    received_ = relay_ == nullptr ? mono_now() : relay_->received();
    watch_.works(received_);
  }
  events_.heard(mono_now());
}

void RedisConnection::close() {
  if (resolve_ != nullptr) {
    resolve_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&resolve_->request));
    resolve_ = nullptr;
  }
  addresses_.clear();
  awaited_ = 0;
  want_write_ = false;
  if (context_ == nullptr) return;
  redisAsyncContext* context = std::exchange(context_, nullptr);
  delete std::exchange(poll_, nullptr);
  relay_.reset();  // with the socket that was polled
  // hiredis may free it only later, when another connection is in its place already.
  context->data = nullptr;
  context->onConnect = nullptr;
  context->ev = {};
  redisAsyncFree(context);
}

// ---- Writing and reading ------------------------------------------------------------------

void RedisConnection::send(std::string_view requests) {
  if (context_ == nullptr) return;
  ++awaited_;
  redisAsyncFormattedCommand(
      context_,
      [](redisAsyncContext* c, void* reply, void*) {
        auto* owner = static_cast<RedisConnection*>(c->data);
        if (owner != nullptr && reply != nullptr) {
          owner->on_reply(*static_cast<redisReply*>(reply));
        }
      },
      nullptr, requests.data(), requests.size());
}

Mono RedisConnection::flush() {
  if (context_ == nullptr || connecting_) return mono_now();
  const Mono before = write_out();
  // What did not fit waits for the socket.
  if (context_ != nullptr) poll_for(is_written() ? UV_READABLE : UV_READABLE | UV_WRITABLE);
  return before;
}

// Under TLS as much as the socket takes at once; what hiredis could not write stays with it.
Mono RedisConnection::write_out() {
  Mono before = mono_now();
  if (relay_ == nullptr) {
    redisAsyncHandleWrite(context_);
    return before;
  }
  if (relay_->is_open()) redisAsyncHandleWrite(context_);
  if (relay_ == nullptr) return before;
  before = relay_->push();
  while (relay_ != nullptr && want_write_ && relay_->is_open() && relay_->is_written()) {
    redisAsyncHandleWrite(context_);
    if (relay_ != nullptr) relay_->push();
  }
  return before;
}

void RedisConnection::poll_for(int events) {
  if (poll_ == nullptr || polled_ == events) return;
  polled_ = events;
  uv_poll_start(poll_->get(), events, [](uv_poll_t* poll, int status, int ready) {
    if (poll->data != nullptr) static_cast<RedisConnection*>(poll->data)->on_poll(status, ready);
  });
}

void RedisConnection::on_poll(int status, int events) {
  if (context_ == nullptr) return;
  // An error of the socket is found by reading from it; libuv does not poll it any more.
  if (status < 0) {
    events = UV_READABLE;
    polled_ = 0;
  }
  if (connecting_) {
    redisAsyncHandleWrite(context_);
    if (context_ != nullptr && !connecting_) on_tcp_connected();
    return;
  }
  const bool tls = relay_ != nullptr;
  if ((events & UV_READABLE) != 0) {
    if (tls) {
      read_relay();
    } else {
      on_received();
    }
  }
  // What was read may have to be answered by TLS itself.
  if (context_ != nullptr && ((events & UV_WRITABLE) != 0 || tls || polled_ == 0)) flush();
}

void RedisConnection::on_received() {
  if (is_unasked_reply()) return unasked();
  redisAsyncHandleRead(context_);
  // hiredis keeps all of a reply until it is whole, and a server may announce 512 MiB.
  if (context_ != nullptr && context_->c.reader->len > kMostUnread) ended(kTooLong);
}

// All that one reading has brought. The relay goes with the connection, and so may be gone after
// each piece; another one's is never made before the loop has polled.
void RedisConnection::read_relay() {
  const bool was_open = relay_->is_open();
  relay_->receive();
  watch_.works(relay_->received());
  if (!was_open && relay_->is_open()) events_.connected(mono_now());
  while (relay_ != nullptr && relay_->deliver()) on_received();
  if (relay_ == nullptr || relay_->failure().empty()) return;
  const std::string why = relay_->failure();
  relay_->push();  // tells the peer what is wrong with it
  ended(why);
}

// hiredis calls this right after it has read, before any reply is handed out: the moment to stamp.
void RedisConnection::add_read(void* self) {
  auto* transport = static_cast<RedisConnection*>(self);
  const auto& relay = transport->relay_;
  transport->received_ = relay == nullptr ? mono_now() : relay->received();
  transport->watch_.works(transport->received_);
}

// Writing waits for flush(), so that what one turn of the loop asks goes out as one.
void RedisConnection::add_write(void* self) {
  static_cast<RedisConnection*>(self)->want_write_ = true;
}
void RedisConnection::del_write(void* self) {
  static_cast<RedisConnection*>(self)->want_write_ = false;
}

// The context goes, and its socket with it.
void RedisConnection::cleanup(void* self) {
  delete std::exchange(static_cast<RedisConnection*>(self)->poll_, nullptr);
}

void RedisConnection::on_reply(redisReply& reply) {
  answered_ = true;
  if (awaited_ == 0) return;
  --awaited_;
  if (reply.type == REDIS_REPLY_ERROR) reply.len = hide_secret({reply.str, reply.len}, secret_);
  events_.replied(reply, received_);
  if (context_ != nullptr && context_->c.reader->pos < context_->c.reader->len &&
      is_unasked_reply()) {
    unasked();
  }
}

}  // namespace rategate
