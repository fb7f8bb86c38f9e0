package org.mouselift.models.unet;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.mouselift.engine.Checkpoint;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Resample;
import org.mouselift.models.nn.ResnetBlock;

/**
 * One resolution of the UNet: resnets, each followed by a transformer where the level has them, then a resampling where another
 * level follows (multi-view diffusion specification §1.9 to §1.11). Inputs x, embedding, prompts, then the skips to join, last
 * first; in the middle and on the way down there are none.
 */
final class UNetLevel extends Module {
    private static final int SKIPS = 3;

    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final List<MultiViewTransformer> attentions = new ArrayList<>();
    private final List<Tensor> results = new ArrayList<>();
    private Resample resample;
    private boolean checkpointing;

    void resnet(ParameterSource source, UNetConfig c, int inputs, int outputs) {
        String name = "resnets." + resnets.size();
        resnets.add(child(name, new ResnetBlock(source.at(name), inputs, outputs, c.embeddingWidth(), c.groups(), c.eps())));
    }

    void attention(ParameterSource source, UNetConfig c, int channels, int heads) {
        String name = "attentions." + attentions.size();
        attentions.add(child(name, new MultiViewTransformer(source.at(name), c, channels, heads)));
    }

    void resample(String name, Resample part) {
        resample = child(name, part);
    }

    void checkpointing(boolean on) {
        checkpointing = on;
    }

    /** Runs the level on the way down; everything that the way up will join is added to the skips. */
    Tensor down(Tensor x, Tensor embedding, Tensor prompts, List<Tensor> skips) {
        try {
            Tensor y = call(x, embedding, prompts);
            skips.addAll(results);
            return y;
        } finally {
            results.clear();
        }
    }

    /** Runs the level on the way up; joins and removes the last skips, and comes to the size of the next. */
    Tensor up(Tensor x, Tensor embedding, Tensor prompts, List<Tensor> skips) {
        Tensor[] inputs = new Tensor[SKIPS + resnets.size() + (resample == null ? 0 : 1)];
        inputs[0] = x;
        inputs[1] = embedding;
        inputs[2] = prompts;
        for (int j = 0; j < resnets.size(); j++) {
            inputs[SKIPS + j] = skips.removeLast();
        }
        if (resample != null) {
            inputs[inputs.length - 1] = skips.getLast();
        }
        try {
            return call(inputs);
        } finally {
            results.clear();
        }
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        Tensor[] skips = Arrays.copyOfRange(inputs, SKIPS, inputs.length);
        for (int j = 0; j < resnets.size(); j++) {
            x = resnet(resnets.get(j), x, inputs[1], skips.length == 0 ? null : skips[j]);
            if (j < attentions.size()) {
                MultiViewTransformer transformer = attentions.get(j);
                x = part(transformer, checkpointing, in -> List.of(transformer.call(in.get(0), in.get(1))), x, inputs[2]);
            }
            results.add(x);
        }
        if (resample != null) {
            x = skips.length == 0 ? resample.call(x) : resample.call(x, skips[skips.length - 1]);
            results.add(x);
        }
        return x;
    }

    /**
     * Runs a part of the network. What it makes on the way is freed at its end, unless a tape needs it; with checkpointing also
     * then, and it is computed again in the backward pass.
     */
    static Tensor part(Module module, boolean checkpointing, UnaryOperator<List<Tensor>> body, Tensor... inputs) {
        List<Tensor> parameters = module.trainable();
        List<Tensor> all = new ArrayList<>(List.of(inputs));
        all.addAll(parameters);
        if (!checkpointing && Tape.records(all)) {
            return body.apply(List.of(inputs)).getFirst();
        }
        return Checkpoint.run(body, List.of(inputs), parameters).getFirst();
    }

    private Tensor resnet(ResnetBlock resnet, Tensor x, Tensor embedding, Tensor skip) {
        if (skip == null) {
            return part(resnet, checkpointing, in -> List.of(resnet.call(in.get(0), in.get(1))), x, embedding);
        }
        return part(resnet, checkpointing, in -> List.of(resnet.call(Ops.concat(1, in.get(0), in.get(2)), in.get(1))), x, embedding, skip);
    }
}
