package dev.runnel.tools.trace;

import dev.runnel.State;
import dev.runnel.graph.Graph;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// What the LSTMs of an application do, step by step, recorded to be looked at. It is a replay: the
/// application has run before, and each [Part] is fed again what was fed or chosen then.
public final class Trace {
    /// The most steps that are recorded: a page of some 2 MB for a layer of 384 units.
    public static final int MOST_STEPS = 500;

    /// In the place of a token: not known, or none.
    public static final int NONE = -1;

    private static final int TOP = 8;

    /// A token and its probability.
    record Choice(String token, double probability) {}

    /// A step of one of the parts.
    ///
    /// @param fed what entered
    /// @param given whether it came from outside; else the model chose it
    /// @param next what comes after it; null if that is not known, or nothing is chosen
    /// @param start whether the stream began with it
    /// @param top the most probable tokens, best first, and `next` if it is none of them; empty if
    ///   there are no scores
    record Step(
            int part,
            String fed,
            boolean given,
            @Nullable String next,
            boolean start,
            List<Choice> top) {}

    private final String application;
    private final String subject;
    private final List<Part> parts = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private byte @Nullable [] picture;
    private float[] sound = {};
    private int dropped;

    /// @param application the name of the demonstration
    /// @param subject what it was given, as the user typed it
    public Trace(String application, String subject) {
        this.application = application;
        this.subject = subject;
    }

    /// Shows a picture, which enters with the first step.
    public void picture(byte[] png) {
        picture = png.clone();
    }

    byte @Nullable [] picture() {
        return picture;
    }

    /// Shows a waveform.
    ///
    /// @param peaks how loud it is at most in each of some pieces, the same number for each step
    public void sound(float[] peaks) {
        sound = peaks.clone();
    }

    float[] sound() {
        return sound;
    }

    /// Begins a part: a model that does some of the steps. To be closed before the next.
    ///
    /// @param name `model`, or `encoder`, `decoder`
    /// @param scores the output whose softmax is the probability of each token; null if there is
    ///   none
    /// @param text how to write a token
    /// @throws dev.runnel.UnsupportedModelException if there is no LSTM that can be traced
    public Part part(String name, Graph graph, @Nullable String scores, IntFunction<String> text) {
        Part part = new Part(name, new Probe(graph), scores, text);
        parts.add(part);
        return part;
    }

    /// A model at work.
    public final class Part implements AutoCloseable {
        private final int number = parts.size();
        private final String name;
        private final Probe probe;
        private final @Nullable String scores;
        private final IntFunction<String> text;
        private final List<Recording> recordings;
        private boolean start = true;

        private Part(String name, Probe probe, @Nullable String scores, IntFunction<String> text) {
            this.name = name;
            this.probe = probe;
            this.scores = scores;
            this.text = text;
            this.recordings = probe.layers().stream().map(Recording::new).toList();
        }

        /// The memory of an input; it stays what it is from step to step.
        public MemorySegment input(String input) {
            return probe.input(input);
        }

        /// The stream's state, such as to begin where another one ended.
        public State state() {
            return probe.state();
        }

        /// Begins another stream.
        public void reset() {
            probe.state().reset();
            start = true;
        }

        /// Feeds a token.
        ///
        /// @param input an int64
        /// @param given whether it came from outside; else the model chose it
        /// @param next what comes after it; [#NONE] if that is not known, or nothing is chosen
        public void step(String input, int token, boolean given, int next) {
            probe.input(input).set(ValueLayout.JAVA_LONG_UNALIGNED, 0, token);
            step(text.apply(token), given, next);
        }

        /// Makes a step on what was put in the inputs. Beyond [#MOST_STEPS] it does nothing but
        /// count.
        ///
        /// @param fed what that was, to be shown
        public void step(String fed, boolean given, int next) {
            step(fed, given, next, false);
        }

        /// Makes a step on what was put in the inputs; what comes of it is the best-scored token,
        /// which is not fed back.
        ///
        /// @param fed what that was, to be shown
        public void stepToBest(String fed) {
            step(fed, true, NONE, true);
        }

        private void step(String fed, boolean given, int next, boolean best) {
            if (steps.size() >= MOST_STEPS) {
                dropped++;
                return;
            }
            if (start) {
                recordings.forEach(r -> r.begin(probe.state(r.layer().c())));
            }
            List<Gates> gates = probe.step();
            for (int l = 0; l < recordings.size(); l++) {
                recordings.get(l).add(gates.get(l));
            }
            List<Choice> top =
                    scores == null ? List.of() : choices(probe.output(scores), next, text);
            String after = best ? top.getFirst().token() : next == NONE ? null : text.apply(next);
            steps.add(new Step(number, fed, given, after, start, top));
            start = false;
        }

        /// The scores of the last step.
        public float[] output(String output) {
            return probe.output(output);
        }

        String name() {
            return name;
        }

        List<Recording> recordings() {
            return recordings;
        }

        double deviation() {
            return probe.deviation();
        }

        @Override
        public void close() {
            probe.close();
        }
    }

    private static List<Choice> choices(float[] scores, int next, IntFunction<String> text) {
        double best = Double.NEGATIVE_INFINITY;
        for (float s : scores) {
            best = Math.max(best, s);
        }
        double sum = 0;
        for (float s : scores) {
            sum += Math.exp(s - best);
        }
        double most = best;
        double all = sum;
        IntFunction<Choice> choice =
                v -> new Choice(text.apply(v), Math.exp(scores[v] - most) / all);
        List<Integer> order =
                IntStream.range(0, scores.length)
                        .boxed()
                        .sorted((a, b) -> Float.compare(scores[b], scores[a]))
                        .limit(TOP)
                        .toList();
        List<Choice> choices = new ArrayList<>();
        order.forEach(v -> choices.add(choice.apply(v)));
        if (next != NONE && !order.contains(next)) {
            choices.add(choice.apply(next));
        }
        return choices;
    }

    String application() {
        return application;
    }

    String subject() {
        return subject;
    }

    List<Part> parts() {
        return parts;
    }

    /// Whether there was nothing to do again.
    public boolean isEmpty() {
        return steps.isEmpty();
    }

    List<Step> steps() {
        return steps;
    }

    /// Steps beyond those that are recorded.
    int dropped() {
        return dropped;
    }

    /// The largest difference between the h and C that the models computed and those that follow
    /// from the gates shown.
    public double deviation() {
        return parts.stream().mapToDouble(Part::deviation).max().orElse(0);
    }

    /// `120 steps`, or how many of more.
    public String summary() {
        return (dropped == 0 ? "" : "the first ")
                + steps.size()
                + (steps.size() == 1 ? " step" : " steps")
                + (dropped == 0 ? "" : " of " + (steps.size() + dropped));
    }

    /// Whether a file is a page that [#write] made, or empty.
    public static boolean isPage(Path file) throws IOException {
        return TracePage.is(file);
    }

    /// Writes it as a page that needs no network.
    public void write(Path file) throws IOException {
        TracePage.write(this, file);
    }
}
