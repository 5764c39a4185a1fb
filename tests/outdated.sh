#!/usr/bin/env bash
# Which Python packages have newer versions, and which are known to be vulnerable. Tells, and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=.cache/pip-audit

echo "newer versions (make requirements takes them, within the bounds of tests/requirements.in):"
.venv/bin/python -m pip list --outdated

test -x "$tool/bin/pip-audit" || {
  python3 -m venv "$tool"
  "$tool/bin/pip" install --quiet pip-audit
}
vulnerable=0
for pinned in tests/requirements.txt tests/sandbox/requirements.txt; do
  echo
  echo "known vulnerabilities of $pinned:"
  # PyPI's own service calls a package that it cannot be asked about well; this one fails.
  if "$tool/bin/pip-audit" --vulnerability-service osv --require-hashes --disable-pip \
    --progress-spinner=off --requirement "$pinned" >"$tool/told" 2>"$tool/complaints"; then
    echo "none"
  elif [ -s "$tool/told" ]; then
    cat "$tool/told"
    vulnerable=1
  else
    echo "not known: the data of vulnerabilities cannot be reached from here"
    tail -n 1 "$tool/complaints"
  fi
done
exit "$vulnerable"
