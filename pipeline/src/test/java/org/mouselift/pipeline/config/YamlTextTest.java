package org.mouselift.pipeline.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class YamlTextTest {
    @Test
    void readsBackToTheSameValuesWithOverrides() throws ConfigException {
        String text = "a: {b: 1e-4, c: 'on', d: [1, 2.5, off], e: ~}\nf: \"1e-4\"\n";
        var changed = ConfigOverride.apply(YamlReader.parse("x", text), List.of(new ConfigOverride("a.b", "3e-4"), new ConfigOverride("g.h", "true")));
        String out = YamlText.of(changed);
        assertEquals(out, YamlText.of(YamlReader.parse("y", out)));
        assertTrue(out.contains("b: 3.0E-4") && out.contains("h: true") && out.contains("'on'") && out.contains("- false"), out);
    }
}
