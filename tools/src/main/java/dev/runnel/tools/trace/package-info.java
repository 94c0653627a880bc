/// What an LSTM does while it runs, step by step, as a page for a browser: `runnel demo … --trace`.
@org.jspecify.annotations.NullMarked
package dev.runnel.tools.trace;
