package org.mouselift.pipeline.verify;

import java.util.List;
import java.util.function.Function;
import org.mouselift.engine.Tensor;
import org.mouselift.models.optim.TrainingStep;

/** A pass of training from its parts. */
record FunctionPass(Object kind, List<Tensor> operands, Function<List<Tensor>, TrainingStep.Outcome> body) implements TrainingStep.Pass {
    @Override
    public TrainingStep.Outcome compute(List<Tensor> in) {
        return body.apply(in);
    }
}
