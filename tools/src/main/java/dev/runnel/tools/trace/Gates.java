package dev.runnel.tools.trace;

/// One step of an LSTM layer, a value for each of its H units.
///
/// @param forget f, 0 to 1
/// @param input i, 0 to 1
/// @param candidate C̃, −1 to 1
/// @param output o, 0 to 1
/// @param cell C after the step
/// @param hidden h after the step, −1 to 1
record Gates(
        double[] forget,
        double[] input,
        double[] candidate,
        double[] output,
        double[] cell,
        double[] hidden) {}
