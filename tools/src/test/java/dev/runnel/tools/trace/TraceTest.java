package dev.runnel.tools.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.runnel.UnsupportedModelException;
import dev.runnel.graph.Attribute;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.Base64;
import java.util.Map;

class TraceTest {
    private static Trace traced(int layers, int steps) {
        Trace trace = new Trace("write", "</script><b>");
        try (Trace.Part part =
                trace.part("model", TinyLstm.layers(layers, Map.of()), "scores", n -> "<" + n)) {
            for (int t = 0; t < steps; t++) {
                if (t == 3) {
                    part.reset();
                }
                part.step("token", t % TinyLstm.TOKENS, t == 0, (t + 1) % TinyLstm.TOKENS);
            }
        }
        return trace;
    }

    private static JsonNode data(Trace trace) throws IOException {
        String html = TracePage.html(trace);
        String tag = "<script id=\"data\" type=\"application/json\">";
        int from = html.indexOf(tag) + tag.length();
        return new ObjectMapper().readTree(html.substring(from, html.indexOf("</script>", from)));
    }

    /// The model's own h and C follow from the gates that are shown, in every layer.
    @Test
    void gates_giveTheStateThatTheModelComputed() {
        assertThat(traced(2, 12).deviation()).isGreaterThan(0).isLessThan(1e-6);
    }

    @Test
    void page_holdsEveryStepOfEveryLayer() throws IOException {
        JsonNode data = data(traced(2, 7));
        assertThat(data.get("subject").textValue()).isEqualTo("</script><b>");
        assertThat(data.get("steps").size()).isEqualTo(7);
        assertThat(data.get("parts").get(0).get("layers").size()).isEqualTo(2);
        JsonNode layer = data.get("parts").get(0).get("layers").get(1);
        for (String key : new String[] {"f", "i", "g", "o", "h"}) {
            assertThat(Base64.getDecoder().decode(layer.get(key).textValue()))
                    .as(key)
                    .hasSize(7 * TinyLstm.UNITS);
        }
        assertThat(Base64.getDecoder().decode(layer.get("c").textValue()))
                .hasSize(2 * 7 * TinyLstm.UNITS);
        assertThat(layer.get("units")).hasSize(TinyLstm.UNITS);
        JsonNode step = data.get("steps").get(3);
        assertThat(step.get("start").booleanValue()).isTrue();
        assertThat(step.get("fed").textValue()).isEqualTo("<3");
        assertThat(step.get("next").textValue()).isEqualTo("<4");
        double sum = 0;
        for (JsonNode choice : step.get("top")) {
            sum += choice.get(1).doubleValue();
        }
        assertThat(sum).isBetween(0.9999, 1.0001);
    }

    @Test
    void page_whoseStepsAreTooMany_saysHowManyThereWere() throws IOException {
        Trace trace = traced(1, Trace.MOST_STEPS + 3);
        assertThat(trace.summary()).isEqualTo("the first 500 steps of 503");
        JsonNode data = data(trace);
        assertThat(data.get("steps").size()).isEqualTo(Trace.MOST_STEPS);
        assertThat(data.get("dropped").intValue()).isEqualTo(3);
    }

    @Test
    void page_isSelfContained() throws IOException {
        assertThat(TracePage.html(traced(1, 2)))
                .doesNotContain("http:", "https:", "src=", "@import", "/* ");
    }

    @Test
    void models_thatCannotBeTraced_areRefused() {
        Trace trace = new Trace("write", "");
        Map<String, Attribute> clip = Map.of("clip", new Attribute.OfFloat(3));
        assertThatThrownBy(() -> trace.part("model", TinyLstm.layers(1, clip), null, n -> ""))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage(
                        "node 'y0' (LSTM) has the attribute 'clip'; only a plain LSTM with constant"
                                + " weights can be traced");
        assertThatThrownBy(() -> trace.part("model", TinyLstm.layers(0, Map.of()), null, n -> ""))
                .isInstanceOf(UnsupportedModelException.class)
                .hasMessage("tiny has no LSTM node, expected one to trace");
    }
}
