cat "$machine/name"
echo
