package dev.runnel.formats.precision;

/// What one scale is for.
///
/// @param index along the axis of the weight's sums
record Sum(Weight weight, int index) {
    float greatest() {
        return weight.greatest[index];
    }

    void cover(float magnitude) {
        weight.greatest[index] = Math.max(weight.greatest[index], magnitude);
    }
}
