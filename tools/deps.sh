#!/bin/sh
# Installs what building and testing need, by apt; as root or with sudo. Takes a second when all is there.
# Usage: tools/deps.sh [build|demo|test]...   (default: all)
set -eu

BUILD="clang-19 lld-19 cmake ninja-build ccache git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libssl-dev libnghttp2-dev protobuf-compiler libprotobuf-dev libsqlite3-dev
  libjemalloc-dev libyaml-cpp-dev libcli11-dev libre2-dev libfmt-dev libspdlog-dev libexpected-dev zlib1g-dev libgtest-dev libgmock-dev
  python3"
DEMO="slurm-wlm munge charliecloud busybox-static procps"
TEST="$DEMO curl iproute2 openssl debootstrap
  libgrpc++-dev protobuf-compiler-grpc libclang-rt-19-dev clang-format-19 skopeo umoci docker-registry
  openmpi-bin libopenmpi-dev python3-kubernetes kubectx kubetail kubecolor"

[ $# -gt 0 ] || set -- build demo test
packages=""
for what in "$@"; do
  case "$what" in
    build) packages="$packages $BUILD" ;;
    demo) packages="$packages $DEMO" ;;
    test) packages="$packages $TEST" ;;
    *) echo "tools/deps.sh: '$what' is none of build, demo, test" >&2; exit 2 ;;
  esac
done
# kubectl of any origin will do; Debian's package would clash with another vendor's.
case " $* " in
  *" demo "* | *" test "*) command -v kubectl >/dev/null 2>&1 || packages="$packages kubernetes-client" ;;
esac

missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "tools/deps.sh: needs a Debian 12 with apt; missing here:$missing" >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "tools/deps.sh: run as root, or install sudo; missing:$missing" >&2; exit 1; }
  as_root="sudo"
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# The daemons of slurm-wlm and munge are started by the tests themselves, never by the package.
$as_root sh -c 'test -e /usr/sbin/policy-rc.d || { printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; touch /run/slipway-policy; }
  apt-get install -y -qq --no-install-recommends '"$missing"' >/dev/null; code=$?
  test ! -e /run/slipway-policy || rm -f /usr/sbin/policy-rc.d /run/slipway-policy
  exit $code'
