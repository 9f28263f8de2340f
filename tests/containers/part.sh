# shellcheck shell=bash disable=SC2154
# The container image, built from its Dockerfile by podman on a base that mmdebstrap makes; containers
# of it that ask each other across namespaces; the manifests, against Kubernetes' schema and run.

part_containers() {
  local base=build/containers suite
  need podman buildah crun python3-yaml python3-venv redis-server "${root_packages[@]}"
  build release -DRATEGATE_TESTS=ON -- rategated rategate_cli rategate client_calls
  suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  mkdir -p "$base"
  [ -x "$base/venv/bin/kubernetes-validate" ] || /usr/bin/python3 -m venv "$base/venv"
  "$base/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/containers/requirements.txt
  as_root env RATEGATE_BIN_DIR="$PWD/$release/bin" RATEGATE_SUITE="$suite" \
    RATEGATE_BASE="$(.ci/root "$suite" base)" \
    unshare --mount tests/containers/with-cgroups /usr/bin/python3 -B tests/containers/test_containers.py
}
