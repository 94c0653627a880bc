package dev.runnel.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.style.Styler;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// The table and the chart of a question, from what JMH wrote.
final class Report {
    /// A metric of all models and engines.
    ///
    /// @param samples by model and engine, one for each round
    private record Metric(
            String name, String unit, Map<String, Map<String, List<Double>>> samples) {
        void add(String model, String engine, double value) {
            samples.computeIfAbsent(model, _ -> new LinkedHashMap<>())
                    .computeIfAbsent(engine, _ -> new ArrayList<>())
                    .add(value);
        }

        /// How many times as good Runnel is. Of rates more is better, of all else less.
        double ratio(double engine, double runnel) {
            return name.contains("PerSecond") ? runnel / engine : engine / runnel;
        }
    }

    /// The metric that JMH itself measures.
    static final String TIME = "time";

    private final Question question;
    private final Set<String> engines = new LinkedHashSet<>();
    private final Map<String, Metric> metrics = new LinkedHashMap<>();

    private Report(Question question) {
        this.question = question;
    }

    /// @param json an array of JMH's results, one for each model, engine and round
    static Report of(Question question, Path json) throws IOException {
        Report report = new Report(question);
        for (JsonNode run : new ObjectMapper().readTree(json.toFile())) {
            String model = run.at("/params/model").asText();
            String engine = run.at("/params/engine").asText();
            report.engines.add(engine);
            JsonNode primary = run.get("primaryMetric");
            if (question.charted().equals(TIME)) {
                report.metric(TIME, primary.get("scoreUnit").asText().replace("us/op", "µs"))
                        .add(model, engine, primary.get("score").asDouble());
            }
            run.get("secondaryMetrics")
                    .properties()
                    .forEach(
                            e ->
                                    report.metric(e.getKey(), "")
                                            .add(
                                                    model,
                                                    engine,
                                                    e.getValue().get("score").asDouble()));
        }
        return report;
    }

    private Metric metric(String name, String unit) {
        return metrics.computeIfAbsent(
                name, n -> new Metric(n, unit.replace("/op", ""), new LinkedHashMap<>()));
    }

    /// @param options of `benchmarks/run`, each with a blank behind it
    String markdown(Environment environment, String options) {
        StringBuilder out = new StringBuilder();
        out.append("# ").append(question.title()).append("\n\n");
        for (String line : environment.lines()) {
            out.append("- ").append(line).append('\n');
        }
        out.append("- by: `benchmarks/run ")
                .append(options)
                .append(question.name())
                .append("`\n\n");
        out.append(
                "Median of the rounds (least–greatest), each in a JVM of its own; then × = the"
                        + " engine's figure / Runnel's, of rates (PerSecond) Runnel's / the"
                        + " engine's: above 1 Runnel is ahead.\n");
        for (Metric metric : metrics.values()) {
            table(out, metric);
        }
        return out.toString();
    }

    private void table(StringBuilder out, Metric metric) {
        boolean isTime = metric.name.equals(TIME);
        boolean hasRate = isTime && !question.rateUnit().isEmpty();
        out.append("\n| ")
                .append(metric.name)
                .append(metric.unit.isEmpty() ? "" : ", " + metric.unit);
        engines.forEach(e -> out.append(" | ").append(e));
        String first = engines.iterator().next();
        out.append(hasRate ? " | " + first + ", " + question.rateUnit() : "").append(" |\n|---");
        engines.forEach(_ -> out.append("|---"));
        out.append(hasRate ? "|---" : "").append("|\n");
        metric.samples.forEach(
                (model, byEngine) -> {
                    out.append("| ").append(model);
                    List<Double> base = byEngine.get(first);
                    for (String engine : engines) {
                        List<Double> samples = byEngine.get(engine);
                        out.append(" | ").append(samples == null ? "–" : cell(samples));
                        double ratio =
                                samples == null || base == null || engine.equals(first)
                                        ? Double.NaN
                                        : metric.ratio(median(samples), median(base));
                        if (Double.isFinite(ratio)) {
                            out.append("; × ").append(figure(ratio));
                        }
                    }
                    if (hasRate) {
                        out.append(" | ")
                                .append(base == null ? "–" : question.rateOf(model, median(base)));
                    }
                    out.append(" |\n");
                });
    }

    private static String cell(List<Double> samples) {
        double[] sorted = sorted(samples);
        String median = figure(median(samples));
        return sorted.length == 1
                ? median
                : median + " (" + figure(sorted[0]) + "–" + figure(sorted[sorted.length - 1]) + ")";
    }

    private static double[] sorted(List<Double> samples) {
        double[] sorted = samples.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return sorted;
    }

    static double median(List<Double> samples) {
        double[] sorted = sorted(samples);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    /// Three digits.
    static String figure(double value) {
        double magnitude = Math.abs(value);
        int decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    /// Bars of the question's metric, a group for each model, on a logarithmic axis.
    void chart(Path svg) throws IOException {
        Metric metric = metrics.get(question.charted());
        if (metric == null) {
            return;
        }
        String unit = metric.unit.isEmpty() ? metric.name : metric.unit;
        List<String> models = List.copyOf(metric.samples.keySet());
        CategoryChart chart =
                new CategoryChartBuilder()
                        .width(Math.max(600, 120 + 75 * models.size()))
                        .height(420)
                        .title(question.title() + " (" + unit + ", less is better)")
                        .build();
        double least =
                metric.samples.values().stream()
                        .flatMap(m -> m.values().stream())
                        .mapToDouble(Report::median)
                        .min()
                        .orElseThrow();
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setYAxisMin(Math.pow(10, Math.floor(Math.log10(least))));
        chart.getStyler().setXAxisLabelRotation(models.size() > 8 ? 45 : 0);
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
        chart.getStyler().setLegendLayout(Styler.LegendLayout.Horizontal);
        chart.getStyler().setChartBackgroundColor(java.awt.Color.WHITE);
        for (String engine : engines) {
            List<Double> bars = new ArrayList<>(); // null: no bar
            for (Map<String, List<Double>> byEngine : metric.samples.values()) {
                List<Double> samples = byEngine.get(engine);
                bars.add(samples == null ? null : median(samples));
            }
            chart.addSeries(engine, models, bars);
        }
        VectorGraphicsEncoder.saveVectorGraphic(
                chart, svg.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
    }
}
