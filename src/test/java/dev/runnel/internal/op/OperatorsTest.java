package dev.runnel.internal.op;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/// The registry: what it says there is, there is, and nothing else.
class OperatorsTest {
    @Test
    void names_areFound() {
        assertThat(Operators.names()).contains("LSTM", "Sigmoid", "ReduceSum");
        for (String name : Operators.names()) {
            int dot = name.lastIndexOf('.');
            String domain = dot < 0 ? "" : name.substring(0, dot);
            assertThat(Operators.find(domain, name.substring(dot + 1))).as(name).isNotNull();
        }
    }

    @Test
    void otherNames_areNotFound() {
        assertThat(Operators.find("", "Lstm")).isNull();
        assertThat(Operators.find("", "")).isNull();
        assertThat(Operators.find("com.example", "LSTM")).isNull();
    }
}
