#include <iostream>
#include <rategate/rategate.hpp>

#if __cplusplus >= 202002L
#error "to be compiled as C++17"
#endif

int main() {
  const auto version = rategate::rate_per_second(1000, rategate_version, "consumer");
  std::cout << version() << " allowed\n";
}
