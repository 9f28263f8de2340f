#pragma once
// The one place that knows which Catch2 this is: 2.x on Debian 12, 3.x on Debian 13.
#ifdef RATEGATE_CATCH3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
