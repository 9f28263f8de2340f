#include "daemon/io/redis/redis_login.hpp"

#include <algorithm>
#include <utility>

#include "daemon/config/password_file.hpp"
#include "daemon/io/loop/mono_clock.hpp"

namespace rategate {

RedisLogin::RedisLogin(uv_loop_t* loop, const LoginConfig& config, const RedisConfig& bounds,
                       RedisLoginEvents& events)
    : loop_(loop),
      bounds_(bounds),
      events_(events),
      config_(config),
      credentials_(options()),
      command_(loop, *this) {
  uv_timer_init(loop, timer_.get());
  timer_.opened(this);
  replace();
}

bool RedisLogin::has_source() const {
  return !config_.password_file.empty() || !config_.password_command.empty();
}

Credentials::Options RedisLogin::options() const {
  Credentials::Options options;
  options.fetched = has_source();
  options.life_us = config_.reauth_ms * 1000;
  options.backoff_min_us = bounds_.backoff_min_ms * 1000;
  options.backoff_max_us = bounds_.backoff_max_ms * 1000;
  options.jitter_seed = static_cast<std::uint64_t>(mono_now_ns());
  return options;
}

// What the configuration has brought with it need not be fetched.
void RedisLogin::replace() {
  credentials_ = Credentials(options());
  fetch_error_.clear();
  refusal_.clear();
  outdated_run_ = command_.is_running();
  if (!config_.password_command.empty()) return;
  credentials_.fetched({config_.password, 0}, mono_now());
  wait();
}

void RedisLogin::configure(const LoginConfig& config) {
  const bool same_command = !config.password_command.empty() && config == config_;
  const bool another = config.username != config_.username || config.password != password();
  config_ = config;
  if (!same_command) replace();
  if (config.password_command.empty()) {
    events_.password_fetched(another);
  } else if (!command_.is_running()) {
    fetch();
  }
}

RedisLogin::Ready RedisLogin::prepare() {
  const Mono now = mono_now();
  if (!config_.password_file.empty()) credentials_.fetch_at(now);
  if (credentials_.next_fetch() <= now && !command_.is_running()) fetch();
  if (!has_source() || credentials_.is_good(now)) return Ready::Yes;
  if (command_.is_running()) return Ready::Awaited;
  return password().empty() ? Ready::No : Ready::Yes;  // past its life, but it may do
}

void RedisLogin::fetch() {
  credentials_.fetching();
  if (!config_.password_file.empty()) {
    auto text = read_password_file(config_.password_file);
    if (!text) return fetched(Error{"password_file in [redis]: " + text.error()});
    return fetched(Password{std::move(*text), 0});
  }
  if (auto error = command_.start(config_.password_command)) password_command_ended(*error);
}

void RedisLogin::password_command_ended(Result<std::string> written) {
  if (std::exchange(outdated_run_, false)) {
    wait();
    return;
  }
  Result<Password> password = written ? parse_password(*written) : Error{written.error()};
  if (!password) password = Error{"password_command in [redis]: " + password.error()};
  fetched(std::move(password));
}

void RedisLogin::fetched(Result<Password> password) {
  bool another = false;
  if (password) {
    another = credentials_.fetched(std::move(*password), mono_now());
    fetch_error_.clear();
    if (another) refusal_.clear();
  } else {
    credentials_.not_fetched(mono_now());
    fetch_error_ = password.error();
  }
  wait();
  events_.password_fetched(another);
}

void RedisLogin::accepted() {
  credentials_.accepted();
  refusal_.clear();
  wait();
}

void RedisLogin::refused(std::string_view why) {
  refusal_ = why;
  credentials_.refused(mono_now());
  wait();
}

// For the moment of the next fetch.
void RedisLogin::wait() {
  const Mono when = credentials_.next_fetch();
  if (when == kNever) {
    uv_timer_stop(timer_.get());
    return;
  }
  const std::int64_t ms = (std::max(when, mono_now()).us - mono_now().us + 999) / 1000;
  uv_update_time(loop_);
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        auto* self = static_cast<RedisLogin*>(timer->data);
        if (self != nullptr && !self->command_.is_running()) self->fetch();
      },
      static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 0)), 0);
}

}  // namespace rategate
