package dev.runnel.formats;

import static org.assertj.core.api.Assertions.assertThat;

import dev.runnel.Model;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// The page that messages send the reader to.
class FormatsPageTest {
    @Test
    void operators_onThePage_areThoseOfTheRegistry() throws IOException {
        Path page = Path.of(System.getProperty("runnel.root", ".."), "docs", "formats.md");
        String text = Files.readString(page);
        String table =
                text.substring(
                        text.indexOf("<!-- operators"), text.indexOf("<!-- end of operators"));
        List<String> listed =
                Pattern.compile("`([\\w.]+)`")
                        .matcher(table)
                        .results()
                        .map((MatchResult r) -> r.group(1))
                        .toList();
        assertThat(listed).doesNotHaveDuplicates();
        assertThat(listed).containsExactlyInAnyOrderElementsOf(Model.operators());
    }
}
