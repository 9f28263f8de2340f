// With what connections log in that ask something and count nothing: sentinels have a password of
// their own, which is always the same; the nodes of a cluster that of the store.
//
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "daemon/io/redis/redis_login.hpp"

namespace rategate {

class AskingLogin {
 public:
  AskingLogin() = default;
  AskingLogin(const AskingLogin&) = delete;
  AskingLogin& operator=(const AskingLogin&) = delete;
  virtual ~AskingLogin() = default;

  // A connection is about to be made. Where the password is awaited, whoever implements this has
  // it made later.
  virtual RedisLogin::Ready prepare() { return RedisLogin::Ready::Yes; }
  // Why there is no password, after No.
  virtual std::string_view error() const { return {}; }
  // Both empty: nobody logs in.
  virtual std::string_view username() const = 0;
  virtual std::string_view password() const = 0;
  // What a server said to it: nothing, or why it refuses.
  virtual void told(std::string_view) {}
};

}  // namespace rategate
