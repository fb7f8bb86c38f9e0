package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * The adapting load of the UNet: {@code conv_in} from sources with fewer and with all input channels, the output afterwards, and
 * the configuration it writes (golden folder {@code unet_adapt}). The source with n channels lies in {@code base<n>/unet}.
 */
public final class AdaptingLoadVerifier implements CaseVerifier {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern ARGUMENTS = Pattern.compile("arguments: (\\{.*})");
    private static final Pattern LOADED = Pattern.compile("from(\\d+)\\.(\\w+)\\.(conv_in\\.(?:weight|bias))(_channels_0_(\\d+))?");
    private static final Pattern OUTPUT = Pattern.compile("output_after_zero_init_from(\\d+)");
    private static final long SEED = 7;

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return isCase(folder, file) || folder.kind(file).equals("json") && file.endsWith("expected_config.json") && caseOf(folder) != null;
    }

    private static boolean isCase(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && ARGUMENTS.matcher(folder.entry(file).path("description").asText()).find()
                && folder.entry(file).path("checkpoint").asText().endsWith("unet");
    }

    private static String caseOf(GoldenFolder folder) throws GoldenException {
        for (String file : folder.files()) {
            if (isCase(folder, file)) {
                return file;
            }
        }
        return null;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> arguments(JsonNode entry) throws IOException {
        Matcher m = ARGUMENTS.matcher(entry.path("description").asText());
        if (!m.find()) {
            throw new GoldenException("no arguments in '" + entry.path("description").asText() + "'");
        }
        return JSON.convertValue(JSON.readTree(m.group(1)), Map.class);
    }

    /** The keys after the adapting load of a source. */
    private static Map<String, Object> adapted(GoldenFolder folder, JsonNode entry, String component) throws IOException {
        return UNetConfig.adapted(DiffusionGoldens.config(folder, component), arguments(entry), component);
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        if (c.kind().equals("json")) {
            JsonNode entry = c.folder().entry(caseOf(c.folder()));
            Map<String, Object> got = new TreeMap<>(adapted(c.folder(), entry, entry.path("checkpoint").asText()));
            @SuppressWarnings("unchecked")
            Map<String, Object> want = new TreeMap<>(JSON.convertValue(GoldenFolder.readJson(c.path()), Map.class));
            UNetConfig.of(got, c.file());
            got.remove("_diffusers_version");
            want.remove("_diffusers_version");
            return List.of(CheckResult.check(c.file(), JSON.valueToTree(got).equals(JSON.valueToTree(want)), "got " + got + ", expected " + want));
        }
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            Matcher loaded = LOADED.matcher(name);
            Matcher output = OUTPUT.matcher(name);
            if (loaded.matches()) {
                loaded(checks, c, name, loaded);
            } else if (output.matches()) {
                output(checks, c, name, "base" + output.group(1) + "/unet");
            }
        }
        return checks;
    }

    private static UNetMV2DConditionModel model(GoldenCase c, String component, boolean zero, boolean literally) throws IOException {
        UNetConfig config = UNetConfig.of(adapted(c.folder(), c.entry(), component), component);
        try (Scope scope = Scope.open(component)) {
            return UNetMV2DConditionModel.adapt(config, DType.F32, DiffusionGoldens.weights(c.folder(), component), component, zero, literally, SEED);
        }
    }

    private static void loaded(List<CheckResult> checks, GoldenCase c, String name, Matcher m) throws IOException {
        boolean zero = !m.group(2).equals("no_zero_init");
        boolean literally = m.group(2).endsWith("_literal");
        try (Scope scope = Scope.open(name); UNetMV2DConditionModel model = model(c, "base" + m.group(1) + "/unet", zero, literally)) {
            Tensor t = model.stateDict().get(m.group(3));
            if (m.group(5) != null) {
                long known = Long.parseLong(m.group(5)) + 1;
                Tensor rest = Ops.slice(t, 1, known, t.dim(1));
                double bound = 1 / Math.sqrt((double) t.numel() / t.dim(0));
                double largest = Ops.reduce(org.mouselift.engine.op.Reduce.Kind.MAX, Ops.abs(rest), List.of(0, 1, 2, 3)).item();
                checks.add(CheckResult.check(name + " (channels from " + known + ")", largest > bound / 2 && largest <= bound,
                        "start values reach " + largest + ", expected up to " + bound));
                t = Ops.slice(t, 1, 0, known);
            }
            checks.add(CheckResult.of(c.compare(name, t.toDoubles())));
        }
    }

    private static void output(List<CheckResult> checks, GoldenCase c, String name, String component) throws IOException {
        try (Scope scope = Scope.open(name); UNetMV2DConditionModel model = model(c, component, true, false)) {
            Tensor sample = DiffusionGoldens.tensor(c, "sample");
            double[] output = UNetVerifier.predict(model, sample, c).toDoubles();
            checks.add(CheckResult.of(c.compare(name, output)));
            Tensor other = Ops.copy(sample);
            Tensor reference = Ops.slice(other, 1, model.config().outChannels(), other.dim(1));
            Ops.assign(reference, Ops.affine(reference, -3, 1));
            double[] same = UNetVerifier.predict(model, other, c).toDoubles();
            checks.add(CheckResult.check(name + " (other reference latents)", java.util.Arrays.equals(output, same), "the reference latents change the output"));
        }
    }
}
