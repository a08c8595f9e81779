# shellcheck shell=bash
# Finding a PyTorch for processors alone. Sourced by tools/bench; needs packages.sh.

torch_environment=build/bench-torch-venv
torch_requirements=bench/requirements-torch.txt
torch_index=https://download.pytorch.org/whl/cpu
torch_packages=(python3-torch python3-numpy libopenblas0-openmp)

# find_torch <pip> <whether Debian's may be installed>: sets torch_python to a Python that has one. Where none can be had
# it says why, and torch_python is empty.
find_torch() {
  local pip=$1 from_debian=$2 reasons python said
  torch_python=$torch_environment/bin/python
  if cmp -s "$torch_requirements" "$torch_environment/requirements.txt"; then return; fi
  if ! timeout 20 "$pip" index versions torch --index-url "$torch_index" --retries 0 --timeout 20 &>/dev/null; then
    reasons="$torch_index cannot be reached"
  elif install_torch; then
    return
  else
    reasons="$torch_requirements cannot be installed"
  fi

  if [[ $from_debian == yes ]]; then need_packages "${torch_packages[@]}"; fi
  local candidates=(/usr/bin/python3)
  if [[ ! $(command -v python3) -ef /usr/bin/python3 ]]; then candidates+=("$(command -v python3)"); fi
  for python in "${candidates[@]}"; do
    if said=$("$python" bench/peers/torch_build.py 2>&1); then
      torch_python=$python
      return
    fi
    reasons+="; $python: ${said##*$'\n'}"
  done
  torch_python=
  echo "PyTorch: no CPU build could be had ($reasons): skipped. tools/bench --debian-torch installs Debian's."
}

install_torch() {
  step "Installing PyTorch into $torch_environment"
  python3 -m venv --clear "$torch_environment" &&
    "$torch_environment/bin/pip" install --quiet --disable-pip-version-check --retries 0 --timeout 20 \
      --requirement "$torch_requirements" &&
    "$torch_environment/bin/python" bench/peers/torch_build.py &&
    cp "$torch_requirements" "$torch_environment/requirements.txt"
}
