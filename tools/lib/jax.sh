# shellcheck shell=bash
# A virtual environment with JAX. Sourced by tools/bench and tools/check-peers; needs common.sh.

jax_environment=build/bench-venv
jax_requirements=bench/requirements.txt

# These would choose the kernels of an OpenBLAS inside a peer.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

need_python_for_jax() {
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need_packages python3 python3-venv; fi
  if ! python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'; then
    echo "JAX needs Python 3.11 or newer with its venv module; found $(python3 --version 2>&1)" >&2
    exit 1
  fi
}

install_jax() {
  if cmp -s "$jax_requirements" "$jax_environment/requirements.txt"; then return; fi
  step "Installing JAX into $jax_environment"
  python3 -m venv --clear "$jax_environment"
  "$jax_environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$jax_requirements"
  cp "$jax_requirements" "$jax_environment/requirements.txt"
}
