package dev.runnel.decode;

import dev.runnel.Model;
import dev.runnel.State;

import org.jspecify.annotations.Nullable;

/// What the streams of a decoder have in common.
///
/// @param tokens the name of the input that they go to
/// @param limit the most tokens to choose
/// @param end the end token; −1 for none
record StreamSettings(Model model, String tokens, Strategy strategy, int limit, int end) {
    Decoding begin(@Nullable State from) {
        Inputs inputs = new Inputs(model.inputs(), tokens);
        return new Decoding(model, from, inputs, strategy, limit, end);
    }
}
