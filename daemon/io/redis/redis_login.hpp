// Who logs in at Redis, and with which password: what is configured, what a file holds, or what a
// command tells. When it is fetched is the Credentials' business; this reads, runs and waits for
// it.
//
// Not thread-safe.
#pragma once

#include <uv.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/config/config.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/redis/password_command.hpp"
#include "daemon/store/credentials.hpp"

namespace rategate {

class RedisLoginEvents {
 public:
  RedisLoginEvents() = default;
  RedisLoginEvents(const RedisLoginEvents&) = delete;
  RedisLoginEvents& operator=(const RedisLoginEvents&) = delete;
  virtual ~RedisLoginEvents() = default;

  // The password was fetched, or could not be: error() says which. `another`: whoever is logged in
  // is to log in again.
  virtual void password_fetched(bool another) = 0;
};

class RedisLogin final : private PasswordCommandEvents {
 public:
  // `bounds`: of the back-off. The loop and `events` outlive it; nothing is told from within the
  // constructor.
  RedisLogin(uv_loop_t* loop, const LoginConfig& config, const RedisConfig& bounds,
             RedisLoginEvents& events);

  // What a reload brought, with the content of its file. Tells password_fetched().
  void configure(const LoginConfig& config);

  // What Awaited waits for, for a person.
  static constexpr std::string_view kAwaited = "password_command has not ended";
  enum class Ready : std::uint8_t {
    Yes,      // to log in with what is known, or without a password
    Awaited,  // password_fetched() tells when it is
    No,       // there is no password, and error() says why
  };
  // A connection is about to be made.
  Ready prepare();

  // There is a password, or will be.
  bool has_password() const { return has_source() || !password().empty(); }
  const std::string& username() const { return config_.username; }
  const std::string& password() const { return credentials_.password(); }

  // What the store said to the newest one.
  void accepted();
  void refused(std::string_view why);

  // Why the newest password is not in use: it was refused, or it could not be fetched; else empty.
  const std::string& error() const { return refusal_.empty() ? fetch_error_ : refusal_; }

 private:
  void password_command_ended(Result<std::string> written) override;

  bool has_source() const;
  Credentials::Options options() const;
  void replace();
  void fetch();
  void fetched(Result<Password> password);
  void wait();

  uv_loop_t* loop_;
  const RedisConfig& bounds_;
  RedisLoginEvents& events_;
  LoginConfig config_;
  Credentials credentials_;
  PasswordCommand command_;
  bool outdated_run_ = false;  // of the command before a reload: what it says is not for use
  UvHandle<uv_timer_t> timer_;
  std::string fetch_error_;
  std::string refusal_;
};

}  // namespace rategate
