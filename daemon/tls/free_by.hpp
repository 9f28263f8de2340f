// What OpenSSL gives out is given back by a function of its own kind.
#pragma once

namespace rategate {

template <auto Function>
struct FreeBy {
  template <class T>
  void operator()(T* owned) const {
    Function(owned);
  }
};

}  // namespace rategate
