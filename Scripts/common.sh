# shellcheck shell=bash
# For the scripts beside it: `. "$(dirname "$0")/common.sh"`.

# shellcheck disable=SC2034  # who sources this uses it
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Puts the directory of `swift` on PATH when a login shell would have, and this one has not.
need_swift() {
  command -v swift >/dev/null && return
  local candidate
  for candidate in /usr/bin /usr/local/bin "$HOME"/.local/share/swiftly/bin "$HOME"/swift*/usr/bin \
    /usr/local/swift*/usr/bin /usr/libexec/swift*/bin /*/swift*/usr/bin; do
    if [ -x "$candidate/swift" ]; then
      export PATH="$candidate:$PATH"
      return
    fi
  done
  echo "${0##*/}: no swift on PATH nor in the usual places; install Swift 6.3 (https://www.swift.org/install)" >&2
  exit 1
}

# Removes a directory with all that is in it: file systems that killed tests left mounted there, and immutable bases.
remove_tree() {
  local place
  while read -r _ place _; do
    case $place in "$1"/*) umount -l "$place" 2>/dev/null || true ;; esac
  done </proc/mounts
  chattr -R -f -i "$1" 2>/dev/null || true
  rm -rf "$1"
}
