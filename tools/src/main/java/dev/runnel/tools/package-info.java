/// The `runnel` command: look at a model, run it, check it against a reference, measure it.
///
/// [Runnel] is the entry; each command is a class of its own. What they stand on can be used alone:
/// [Verifier] checks a model against stored outputs, [StepMeter] measures its steps.
@NullMarked
package dev.runnel.tools;

import org.jspecify.annotations.NullMarked;
