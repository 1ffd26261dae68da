# Sourced by the scripts that build, in the checkout's root: the build cache, outside the checkout and shared by all checkouts.
# Cargo tells the sources of two checkouts apart by their times alone. What another checkout built of breadth itself is therefore removed; the
# dependencies, which take the minutes, stay. While a script of that checkout still runs, this waits for it, ten minutes at
# most (where there is flock).
if [ -z "${CARGO_TARGET_DIR:-}" ]; then
    export CARGO_TARGET_DIR="$HOME/.cache/breadth/target"
    mkdir -p "$CARGO_TARGET_DIR"
    exec 9>>"$CARGO_TARGET_DIR/in-use"
    if [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null)" != "$PWD" ]; then
        if command -v flock >/dev/null && ! flock --exclusive --nonblock 9; then
            echo "waiting for the build cache, which $(cat "$CARGO_TARGET_DIR/checkout") uses; or set CARGO_TARGET_DIR" >&2
            flock --exclusive --timeout 600 9 || true
        fi
        for profile in dev release; do cargo clean --quiet --locked --workspace --profile "$profile"; done
        echo "$PWD" >"$CARGO_TARGET_DIR/checkout"
    fi
    # Held by what the script starts, too, until all of it has ended.
    ! command -v flock >/dev/null || flock --shared 9
fi
