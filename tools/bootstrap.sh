#!/bin/sh
# Build .venv from the lock files with nothing but Python ≥ 3.11 and pip.
#
#   tools/bootstrap.sh runtime        what running needs
#   tools/bootstrap.sh development    that and what testing and checking need
#
# pip brings uv (pinned by hash), uv brings the rest (pinned by hash); where uv reaches no index, because only pip
# is configured for the local mirror, pip brings the rest itself.
set -eu

what=$1
cd "$(dirname "$0")/.."

is_suitable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

# A distribution's Python comes first: it was built with profile-guided optimization and without a shared libpython, and
# charges a third more calls than one that a version manager built with its defaults (docs/decisions/0018).
find_python() {
    for candidate in ${PYTHON:-} /usr/bin/python3 python3 python python3.13 python3.12 python3.11; do
        if is_suitable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "make: Python 3.11, 3.12 or 3.13 is needed and none was found; name one with PYTHON=/path/to/python" >&2
    return 1
}

install_with_pip() {
    if [ -x .venv/bin/pip ]; then
        .venv/bin/pip install -qq --disable-pip-version-check "$@"
    else
        "$python" -m pip --python .venv/bin/python install -qq --disable-pip-version-check "$@"
    fi
}

install() {
    if ! .venv/bin/uv pip install --quiet --python .venv/bin/python "$@"; then
        echo "make: uv could not install; trying the same with pip" >&2
        install_with_pip "$@"
    fi
}

python=$(find_python)
if [ "$what" = runtime ]; then lock=requirements.lock; else lock=requirements-dev.lock; fi

if ! is_suitable .venv/bin/python; then
    echo "make: building .venv with $("$python" --version); once, about 15 seconds"
    # Debian's Python has pip but not always the module that would copy pip into a venv: we do without the copy.
    if "$python" -m pip --version > /dev/null 2>&1; then
        "$python" -m venv --clear --without-pip .venv
    else
        "$python" -m venv --clear .venv
    fi
fi

install_with_pip --require-hashes -r requirements-build.lock
install --require-hashes -r "$lock"
install --no-deps --no-build-isolation --editable .

touch .venv/.runtime
if [ "$what" = development ]; then touch .venv/.development; fi
