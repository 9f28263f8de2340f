// A text that is answered as one string, whose size stands before it: it is collected first, and
// then handed out in pieces, too, so that as much as the client takes is copied.
#pragma once

#include <deque>
#include <string>

#include "daemon/proto/long_answer.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class LongText : public LongAnswer {
 public:
  // `resp`: the version that the reply is in.
  LongText(StateService& state, int resp) : state_(state), resp_(resp) {}

  // Where too much is kept for all connections by now, the reply is an error, like one of any other
  // large answer.
  bool go_on(std::string& out) override;
  std::size_t memory() const override { return size_; }

 protected:
  StateService& state() { return state_; }

 private:
  // Appends some lines. False: they were the last ones.
  virtual bool next_lines(std::string& text) = 0;

  bool collect(std::string& out);

  StateService& state_;
  const int resp_;
  std::deque<std::string> parts_;
  std::size_t size_ = 0;  // of what was collected
  bool collected_ = false;
};

}  // namespace rategate
