package org.mouselift.pipeline.config;

import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.ConfigValue.Scalar;
import org.mouselift.pipeline.config.ConfigValue.Sequence;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/** A configuration as YAML text: what a run stores with its checkpoints, command-line changes included. */
public final class YamlText {
    private YamlText() {}

    /** Text that {@link YamlReader} reads back to the same values. */
    public static String of(Mapping root) {
        DumperOptions options = new DumperOptions();
        options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
        return new Yaml(options).dump(plain(root));
    }

    /** The value as maps, lists, numbers, texts, truth values and nulls. */
    static Object plain(ConfigValue value) {
        return switch (value) {
            case Mapping mapping -> {
                Map<String, Object> out = new LinkedHashMap<>();
                mapping.entries().forEach((k, v) -> out.put(k, plain(v)));
                yield out;
            }
            case Sequence sequence -> sequence.values().stream().map(YamlText::plain).toList();
            case Scalar scalar -> scalar.value();
        };
    }
}
