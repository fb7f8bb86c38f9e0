package org.mouselift.pipeline.config;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;

/** Any text: a configuration or a {@link ConfigException}, nothing else. */
class YamlReaderFuzzTest {
    private static final String SEED = """
            model:
              image_tokenizer: {image_size: 512, patch_size: 8}
            training:
              optimizer: {lr: 1e-4}   # learning rate
              losses: {background_color_target: [1.0, 1.0, 1.0]}
            """;

    @Property(tries = 400)
    void anyText(@ForAll String text) {
        read(text);
    }

    @Property(tries = 2000)
    void mutatedConfiguration(@ForAll @Size(min = 1, max = 5) List<Integer> places, @ForAll @Size(5) List<Character> characters) {
        StringBuilder text = new StringBuilder(SEED);
        String dangerous = ":{}[]&*!|>'\"%@`#-? \n\t<\u0000";
        for (int i = 0; i < places.size(); i++) {
            char c = places.get(i) % 2 == 0 ? dangerous.charAt(Math.floorMod(places.get(i), dangerous.length())) : characters.get(i);
            text.setCharAt(Math.floorMod(places.get(i), text.length()), c);
        }
        read(text.toString());
    }

    private static void read(String text) {
        try {
            GslrmConfigReader.read("fuzz", YamlReader.parse("fuzz", text), List.of());
        } catch (ConfigException expected) {
            if (expected.problems().isEmpty()) {
                throw new AssertionError("a problem without words", expected);
            }
        }
    }
}
