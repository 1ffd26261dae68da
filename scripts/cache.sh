# Sourced by the scripts that build, in the checkout's root: the build cache, outside the checkout and shared by all checkouts.
# Cargo tells the sources of two checkouts apart by their times alone. What another checkout built of breadth itself is therefore removed; the
# dependencies, which take the minutes, stay.
if [ -z "${CARGO_TARGET_DIR:-}" ]; then
    export CARGO_TARGET_DIR="$HOME/.cache/breadth/target"
    if [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null)" != "$PWD" ]; then
        [ ! -d "$CARGO_TARGET_DIR" ] || for profile in dev release; do cargo clean --quiet --locked --workspace --profile "$profile"; done
        mkdir -p "$CARGO_TARGET_DIR"
        echo "$PWD" >"$CARGO_TARGET_DIR/checkout"
    fi
fi
