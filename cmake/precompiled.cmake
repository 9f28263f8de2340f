# What nearly every source of ours includes of the standard library is read once per target instead
# of once per source, which is a sixth of the time that a build takes. A source still includes all that
# it uses: .ci/matrix has a row that builds without.
set(rategate_precompiled <algorithm> <array> <cstdint> <functional> <memory> <optional> <string>
  <string_view> <unordered_map> <utility> <variant> <vector>)

# rategate_precompile(<target> [<more headers...>])
function(rategate_precompile target)
  target_precompile_headers(${target} PRIVATE ${rategate_precompiled} ${ARGN})
endfunction()
