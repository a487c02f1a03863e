#!/usr/bin/env bash
# Makes sure that the images of the container stack are there: cassandra:5.0 and memcached:1.6. From a registry when one
# answers; otherwise stand-ins of the same names and with the same contract, from Debian's and Maven's packages. They
# carry the label org.liveorigin.stand-in, so that `liveorigin doctor` can tell.
#
#   make.sh [--install] [--stand-in]   --install gets what is missing for stand-ins (Debian, as root); --stand-in makes
#                                      them anew without asking a registry
set -euo pipefail
cd "$(dirname "$0")"

install=no stand_in=no updated=
for arg; do
  case $arg in
    --install) install=yes ;;
    --stand-in) stand_in=yes ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

cassandra=${LIVEORIGIN_CASSANDRA_IMAGE:-cassandra:5.0}
memcached=${LIVEORIGIN_MEMCACHED_IMAGE:-memcached:1.6}
base=liveorigin-base:1

# A stand-in is made anew when what it is made from changed.
recipe=$(cat cassandra/* memcached/* | sha256sum | cut -c1-12)

die() { printf 'make images: %s\n' "$*" >&2; exit 1; }
have() { docker image inspect "$1" >/dev/null 2>&1; }
label() { docker image inspect --format "{{index .Config.Labels \"org.liveorigin.$2\"}}" "$1"; }

# current IMAGE: it is there, and if it is a stand-in, it is made from what is here.
current() { have "$1" && { [ -z "$(label "$1" stand-in)" ] || [ "$(label "$1" recipe)" = "$recipe" ]; }; }

# build IMAGE DIRECTORY
build() {
  docker build -q --label org.liveorigin.recipe="$recipe" -t "$1" "$2" >"$work/build.log" 2>&1 ||
    { cat "$work/build.log" >&2; die "cannot build $1"; }
}

command -v docker >/dev/null || die "there is no docker; on Debian: apt-get install docker.io iptables"
docker info >/dev/null 2>&1 || die "no Docker engine answers; start it (as root, in the background: dockerd)"

# need COMMAND PACKAGE: what a stand-in is made with.
need() {
  command -v "$1" >/dev/null && return
  [ $install = yes ] || die "no registry has the images, and a stand-in needs $1; on Debian: apt-get install $2"
  [ -n "$updated" ] || { apt-get update -qq; updated=yes; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

# The root file system of both stand-ins: Debian with a Java run time that Cassandra 5 supports, and memcached.
make_base() {
  have $base && return
  local sources=/etc/apt/sources.list
  [ ! -f /etc/apt/sources.list.d/debian.sources ] || sources=/etc/apt/sources.list.d/debian.sources
  grep -q bookworm $sources 2>/dev/null || die "a stand-in is made from Debian 12 (bookworm), which $sources does not name"
  need mmdebstrap mmdebstrap
  echo "make images: $base, from Debian's packages (about half a minute)"
  mmdebstrap --quiet --variant=minbase --include=openjdk-17-jre-headless,memcached bookworm "$work/base.tar" $sources
  docker import "$work/base.tar" $base >/dev/null
}

make_cassandra() {
  need mvn maven
  echo "make images: $cassandra, a stand-in from Maven's packages"
  cp -r cassandra "$work/cassandra"
  mvn -q -B -Dstyle.color=never -f cassandra/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/cassandra/lib"
  build "$cassandra" "$work/cassandra"
}

make_memcached() {
  echo "make images: $memcached, a stand-in from Debian's packages"
  build "$memcached" memcached
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in cassandra memcached; do
  image=${!part}
  if [ $stand_in = no ]; then
    current "$image" && continue
    have "$image" || timeout "${LIVEORIGIN_PULL_TIMEOUT:-300}" docker pull -q "$image" >/dev/null 2>&1 || true
    current "$image" && continue
  fi
  make_base
  make_$part
done
docker image inspect --format '{{index .RepoTags 0}}  {{.Id}}  {{with index .Config.Labels "org.liveorigin.stand-in"}}stand-in: {{.}}{{end}}' \
  "$cassandra" "$memcached"
